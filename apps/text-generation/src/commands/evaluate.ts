import {
  addVerb,
  choice,
  createProgress,
  finiteNumber,
  formatTable,
  positiveInteger,
  type ActionContext,
  type CommonOptions,
  type Output,
} from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import type { Command } from 'commander';
import { dynamicStreamLoss } from '../dynamicEvaluation.js';
import { streamLoss, windowedLoss, type ReadingOptions, type TextLoss } from '../evaluate.js';
import { countCharacters, readCorpora, readOwnCorpora } from '../prepare.js';
import { protocolResult, resultHeader, resultRows, type Evaluation } from '../results.js';
import { openRun, type OpenRun } from '../run.js';
import { startBackend } from './backend.js';
import { checkpointOption, unknownOption, type RunOptions } from './runOptions.js';

type Split = 'validation' | 'train' | 'all';

interface EvaluateOptions extends RunOptions, CommonOptions {
  data?: string;
  split?: Split;
  window: number;
  dynamic?: boolean;
  dynamicRate: number;
  dynamicDecay: number;
  dynamicSegment: number;
}

export function addEvaluateVerb(program: Command): void {
  addVerb<EvaluateOptions>(program, 'evaluate', 'measure a model on text it has not seen', evaluateCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .option('--data <path>', 'the text (default: the one the model was trained on)')
      .addOption(
        choice('--split <part>', 'of the text (default: validation of the run’s own text, all of another)', [
          'validation',
          'train',
          'all',
        ]),
      )
      .option('--window <tokens>', 'length of the windows of the windowed protocol', positiveInteger, 256)
      .option('--dynamic', 'also let the weights follow the text (Krause et al. 2018)')
      .option('--dynamic-rate <number>', 'learning rate of that', finiteNumber, 1e-4)
      .option('--dynamic-decay <number>', 'pull back to the trained weights', finiteNumber, 2e-3)
      .option('--dynamic-segment <tokens>', 'tokens between updates', positiveInteger, 20)
      .addOption(checkpointOption())
      .addOption(unknownOption());
  });
}

async function evaluateCommand(options: EvaluateOptions, { output, signal }: ActionContext): Promise<void> {
  const run = openRun(options.run, options);
  await startBackend(options, output, run.config);
  const { text, split } = await readSplit(run, options, output);
  const tokens = run.tokenizer.encode(text, {
    unknown: options.unknown,
    name: `the text of ${options.data ?? 'the run'}`,
  });
  if (tokens.length < 2) throw new InputError(`Expected a text of at least 2 tokens to measure, got ${tokens.length}`);
  const model = run.loadModel();
  output.say(`${run.directory}, step ${run.step} (${options.checkpoint}); ${split}, ${tokens.length} tokens`);
  const characters = countCharacters(run.tokenizer.decode(tokens));
  const measure = (label: string, read: (reading: ReadingOptions) => Promise<TextLoss>): Promise<TextLoss> =>
    withProgress(output, label, tokens.length - 1, signal, read);
  const windowed = await measure('windowed', (reading) =>
    windowedLoss(model, tokens, { ...reading, window: options.window }),
  );
  const stream = await measure('stream', (reading) => streamLoss(model, tokens, reading));
  const evaluation: Evaluation = {
    stream: protocolResult(stream, tokens, run.tokenizer),
    windowed: protocolResult(windowed, tokens, run.tokenizer),
  };
  if (options.dynamic && !signal.aborted) {
    const { train } = await readOwnCorpora(run, 'put it back, or leave out --dynamic'); // its gradients' sizes count
    const statistics = run.tokenizer.encode(train, { unknown: 'skip' });
    const dynamic = await measure('dynamic', (reading) =>
      dynamicStreamLoss(model, tokens, {
        ...reading,
        statistics,
        rate: options.dynamicRate,
        decay: options.dynamicDecay,
        segment: options.dynamicSegment,
      }),
    );
    evaluation.dynamic = protocolResult(dynamic, tokens, run.tokenizer);
  }
  if (signal.aborted) return;
  if (!output.json) output.write(`${formatTable(resultHeader, resultRows(evaluation))}\n`);
  output.object({
    ...evaluation,
    characters,
    split,
    tokens: tokens.length,
    window: options.window,
    weights: run.stored.format,
    run: run.directory,
    step: run.step,
  });
}

/**
 * The part of the text to measure. The run's own text is split as it was for training; of another text, which the model
 * has not seen, all is measured unless told otherwise.
 */
export async function readSplit(
  run: OpenRun,
  { data, split }: Pick<EvaluateOptions, 'data' | 'split'>,
  output: Output,
): Promise<{ text: string; split: Split }> {
  const own = run.description.data;
  const named = data === undefined ? undefined : await readCorpora(run.config, { data });
  const isOwn = named === undefined || named.description.fingerprint === own.fingerprint;
  // Where the run has a validation text of its own, no part of the text itself is one.
  const corpora = named === undefined || (isOwn && own.validation !== null) ? await readOwnCorpora(run) : named;
  const chosen = split ?? (isOwn ? 'validation' : 'all');
  if (!isOwn && chosen === 'validation') output.say('This is another text than the run’s own: measuring its last part');
  const { train, validation, description } = corpora;
  const text = chosen === 'all' ? train + (description.validation === null ? validation : '') : corpora[chosen];
  return { text, split: chosen };
}

export async function withProgress(
  output: Output,
  label: string,
  total: number,
  signal: AbortSignal,
  read: (reading: ReadingOptions) => Promise<TextLoss>,
): Promise<TextLoss> {
  const progress = createProgress(output, { label, total });
  let nats: TextLoss;
  try {
    nats = await read({ signal, onProgress: (done) => progress.update(done) });
  } finally {
    progress.stop();
  }
  return nats;
}
