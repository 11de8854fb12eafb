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
import { ConfigError, InputError } from '@cadenza/core';
import { InvalidArgumentError, type Command } from 'commander';
import { dynamicStreamLoss } from '../dynamicEvaluation.js';
import { streamLoss, windowedLoss, type ReadingOptions, type TextLoss } from '../evaluate.js';
import { partOf, readOwnPart, readText, type TextPart } from '../prepare.js';
import { protocolResult, resultHeader, resultRows, sum, type Evaluation } from '../results.js';
import { openRun, type OpenRun } from '../run.js';
import { startBackend } from './backend.js';
import { checkpointOption, readingPolicy, unknownOption, usualOfOwnText, type RunOptions } from './runOptions.js';

interface EvaluateOptions extends RunOptions, CommonOptions {
  data?: string;
  split?: TextPart;
  window: number;
  dynamic?: boolean;
  dynamicRate?: number;
  dynamicDecay?: number;
  dynamicSegment?: number;
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
      .option('--dynamic-rate <number>', 'learning rate of that (default: 0.0001)', atLeastZero)
      .option('--dynamic-decay <number>', 'pull back to the trained weights (default: 0.002)', atLeastZero)
      .option('--dynamic-segment <tokens>', 'tokens between updates (default: 20)', positiveInteger)
      .addOption(checkpointOption())
      .addOption(unknownOption(usualOfOwnText));
  });
}

async function evaluateCommand(options: EvaluateOptions, context: ActionContext): Promise<void> {
  const { output, signal } = context;
  checkDynamic(options);
  const run = openRun(options.run, options);
  await startBackend(options, output, run.config);
  const { text, split, own, whole } = await readSplit(run, options, context);
  const policy = readingPolicy(options, own ? run.tokenizer : undefined);
  const tokens = run.tokenizer.encode(text, { ...policy, name: `the text of ${options.data ?? 'the run'}` });
  if (tokens.length < 2) throw new InputError(`Expected a text of at least 2 tokens to measure, got ${tokens.length}`);
  const model = run.loadModel();
  output.say(`${run.directory}, step ${run.step} (${options.checkpoint}); ${split}, ${tokens.length} tokens`);
  const characters = run.tokenizer.characterCounts(text, policy);
  const measure = (label: string, read: (reading: ReadingOptions) => Promise<TextLoss>): Promise<TextLoss> =>
    withProgress(output, label, tokens.length - 1, signal, read);
  const windowed = await measure('windowed', (reading) =>
    windowedLoss(model, tokens, { ...reading, window: options.window }),
  );
  const stream = await measure('stream', (reading) => streamLoss(model, tokens, reading));
  const evaluation: Evaluation = {
    stream: protocolResult(stream, characters),
    windowed: protocolResult(windowed, characters),
  };
  if (options.dynamic && !signal.aborted) {
    const remedy = 'name it with --data, or leave out --dynamic';
    const train = await readOwnPart(run, 'train', { whole, remedy }); // its gradients' sizes count
    const statistics = run.tokenizer.encode(train, readingPolicy({}, run.tokenizer));
    const dynamic = await measure('dynamic', (reading) =>
      dynamicStreamLoss(model, tokens, {
        ...reading,
        statistics,
        rate: options.dynamicRate,
        decay: options.dynamicDecay,
        segment: options.dynamicSegment,
      }),
    );
    evaluation.dynamic = protocolResult(dynamic, characters);
  }
  if (signal.aborted) return;
  if (!output.json) output.write(`${formatTable(resultHeader, resultRows(evaluation))}\n`);
  output.object({
    ...evaluation,
    characters: sum(characters),
    split,
    tokens: tokens.length,
    window: options.window,
    weights: run.stored.format,
    run: run.directory,
    step: run.step,
  });
}

function atLeastZero(text: string): number {
  const value = finiteNumber(text);
  if (value < 0) throw new InvalidArgumentError(`Expected a number of at least 0, got ${text}.`);
  return value;
}

function checkDynamic({ dynamic, dynamicRate, dynamicDecay, dynamicSegment }: EvaluateOptions): void {
  if (dynamic) return;
  const flags = { rate: dynamicRate, decay: dynamicDecay, segment: dynamicSegment };
  for (const [name, value] of Object.entries(flags)) {
    if (value !== undefined) throw new ConfigError(`Expected --dynamic with --dynamic-${name}, got none`);
  }
}

/**
 * The part of the text to measure, whether it is the run's own, and the whole of that where it was named. The run's own text is split
 * as it was for training; of another text, which the model has not seen, all is measured unless told otherwise.
 */
export async function readSplit(
  run: OpenRun,
  { data, split }: Pick<EvaluateOptions, 'data' | 'split'>,
  { output, signal }: ActionContext,
): Promise<{ text: string; split: TextPart; own: boolean; whole?: string }> {
  const named = data === undefined ? undefined : await readText(data, run.config, signal);
  if (named === undefined || named.fingerprint === run.description.data.fingerprint) {
    const whole = named?.text;
    const part = split ?? 'validation';
    return { text: await readOwnPart(run, part, { whole }), split: part, own: true, whole };
  }
  if (split === 'validation') output.say('This is another text than the run’s own: measuring its last part');
  return { text: partOf(named.text, split ?? 'all', run.config), split: split ?? 'all', own: false };
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
