import { resolve } from 'node:path';
import { addVerb, checkOutputFolder, formatTable, type ActionContext, type CommonOptions } from '@cadenza/cli';
import { InputError, type WeightFormat } from '@cadenza/core';
import type { Command } from 'commander';
import { streamLoss } from '../evaluate.js';
import { exportRun } from '../exportRun.js';
import { protocolResult } from '../results.js';
import { openRun, type OpenRun } from '../run.js';
import { startBackend } from './backend.js';
import { readSplit, withProgress } from './evaluate.js';
import {
  checkpointOption,
  readingPolicy,
  unknownOption,
  usualOfOwnText,
  weightsOption,
  type RunOptions,
} from './runOptions.js';

interface ExportOptions extends RunOptions, CommonOptions {
  output: string;
  weights: WeightFormat;
  /** True where the flag came alone: the run's own text. */
  data?: string | true;
}

export function addExportVerb(program: Command): void {
  addVerb<ExportOptions>(program, 'export', 'copy a model into a small folder of its own', exportCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', 'the run of the model')
      .requiredOption(
        '--output <folder>',
        'a new folder, which generate, chat, score, evaluate and inspect then accept',
      )
      .addOption(weightsOption('of the weights in it: f32, or rounded bf16 or int8').default('f32'))
      .option(
        '--data [path]',
        'also measure what rounding costs: on this text or, without a path, on the run’s validation part',
      )
      .addOption(checkpointOption())
      .addOption(unknownOption(usualOfOwnText));
  });
}

async function exportCommand(options: ExportOptions, context: ActionContext): Promise<void> {
  const { output, signal } = context;
  const directory = resolve(options.output);
  checkOutputFolder('--output', directory);
  const run = openRun(options.run, options);
  const losses = options.data === undefined ? undefined : await measureRounding(run, options, context);
  if (signal.aborted) return;
  const bytes = { before: run.stored.bytes, after: exportRun(run, directory, options.weights) };
  const rows = [
    ['bytes', String(bytes.before), String(bytes.after), `${((100 * bytes.after) / bytes.before).toFixed(1)} %`],
  ];
  if (losses) {
    const { before, after, difference } = losses;
    rows.push([
      'nats/char',
      before.toFixed(4),
      after.toFixed(4),
      `${difference < 0 ? '' : '+'}${difference.toFixed(5)}`,
    ]);
  }
  if (!output.json) output.write(`${formatTable(['', run.stored.format, options.weights, 'change'], rows)}\n`);
  output.say(`exported: ${directory}`);
  output.object({
    output: directory,
    weights: options.weights,
    bytes,
    ...(losses ? { nats_per_char: losses } : {}),
    run: run.directory,
    step: run.step,
  });
}

interface RoundingLoss {
  before: number;
  after: number;
  difference: number;
  split: string;
}

/** The loss of the `stream` protocol with the weights as they are and as they become. */
async function measureRounding(run: OpenRun, options: ExportOptions, context: ActionContext): Promise<RoundingLoss> {
  const { output, signal } = context;
  await startBackend(options, output, run.config);
  const data = options.data === true ? undefined : options.data;
  const { text, split, own } = await readSplit(run, { data }, context);
  const name = `the text of ${data ?? 'the run'}`;
  const policy = readingPolicy(options, own ? run.tokenizer : undefined);
  const tokens = run.tokenizer.encode(text, { ...policy, name });
  const characters = run.tokenizer.characterCounts(text, policy);
  if (tokens.length < 2) throw new InputError(`Expected a text of at least 2 tokens to measure, got ${tokens.length}`);
  const measure = async (format: WeightFormat): Promise<number> => {
    const model = run.loadModel(format);
    const loss = await withProgress(output, format, tokens.length - 1, signal, (reading) =>
      streamLoss(model, tokens, reading),
    );
    model.dispose();
    return protocolResult(loss, characters).nats_per_char;
  };
  const before = await measure(run.stored.format);
  const after = await measure(options.weights);
  return { before, after, difference: after - before, split };
}
