import {
  addVerb,
  formatTable,
  positiveInteger,
  repeated,
  nonNegativeInteger,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { ConfigError, InputError, pairedBootstrap, type BleuTokenizer, type PairedBootstrap } from '@cadenza/core';
import { readAllLines } from '@cadenza/text';
import type { Command } from 'commander';
import { startBackend } from './backend.js';
import { addTestFlags, checkTestFiles, scoring, testDataOf, translateTest, type TestFlags } from './evaluate.js';
import { checkLanguages } from '../run.js';
import {
  addSearchFlags,
  checkAttention,
  checkNoSearchFlags,
  openRuns,
  searchOptions,
  type SearchFlags,
} from './runOptions.js';

interface CompareOptions extends SearchFlags, TestFlags, CommonOptions {
  run?: string[];
  hypotheses?: string[];
  samples: number;
  resampleSeed: number;
}

/** The translations of two systems with what they are measured against. */
interface TwoSystems {
  names: [string, string];
  hypotheses: [string[], string[]];
  references: string[];
  scoring: { tokenize: BleuTokenizer; lowercase: boolean };
}

export function addCompareVerb(program: Command): void {
  addVerb<CompareOptions>(
    program,
    'compare',
    'say whether one system is better than another',
    compareCommand,
    (verb) => {
      verb
        .option('--run <folder>', 'a run, or several with commas between them; give it twice', repeated)
        .option('--hypotheses <file>', 'translations that are there already; give it twice', repeated);
      addTestFlags(verb);
      verb
        .option('--samples <number>', 'resamples of the sentences', positiveInteger, 1000)
        .option('--resample-seed <number>', 'of drawing them', nonNegativeInteger, 12_345);
      addSearchFlags(verb);
    },
  );
}

async function compareCommand(options: CompareOptions, context: ActionContext): Promise<void> {
  const { output } = context;
  const systems = await readSystems(options, context);
  if (systems === undefined) return;
  const { names, hypotheses, references } = systems;
  const { tokenize, lowercase } = systems.scoring;
  const resampling = { samples: options.samples, seed: options.resampleSeed };
  const compare = (metric: Parameters<typeof pairedBootstrap>[3]): PairedBootstrap =>
    pairedBootstrap(hypotheses[0], hypotheses[1], references, { ...metric, ...resampling });
  const results = {
    bleu: compare({ metric: 'bleu', metricOptions: { tokenize, lowercase } }),
    chrf: compare({ metric: 'chrf', metricOptions: { lowercase } }),
    ter: compare({ metric: 'ter', metricOptions: { normalized: tokenize !== 'none', caseSensitive: !lowercase } }),
  };
  if (!output.json) {
    const rows = Object.entries(results).map(([metric, { a, b, difference, pValue }]) => [
      ...[
        metric,
        `${a.score.toFixed(2)} ± ${a.halfWidth.toFixed(2)}`,
        `${b.score.toFixed(2)} ± ${b.halfWidth.toFixed(2)}`,
      ],
      ...[`${difference < 0 ? '' : '+'}${difference.toFixed(2)}`, pValue.toFixed(4)],
    ]);
    output.write(`${formatTable(['metric', names[0], names[1], 'difference', 'p'], rows)}\n`);
  }
  output.object({ systems: names, sentences: references.length, ...results });
}

async function readSystems(options: CompareOptions, context: ActionContext): Promise<TwoSystems | undefined> {
  const { run = [], hypotheses = [] } = options;
  if (run.length === 2 && hypotheses.length === 0) return translateByBoth([run[0], run[1]], options, context);
  if (hypotheses.length === 2 && run.length === 0) return readBoth([hypotheses[0], hypotheses[1]], options);
  throw new ConfigError(
    `Expected --run twice or --hypotheses twice, got ${run.length} and ${hypotheses.length} of them`,
  );
}

async function translateByBoth(
  names: [string, string],
  options: CompareOptions,
  { output, signal }: ActionContext,
): Promise<TwoSystems | undefined> {
  await checkTestFiles(options);
  const both = names.map((run) => openRuns({ run, checkpoint: 'best' }, output));
  for (const runs of both) checkAttention(runs, options);
  checkLanguages(both[1][0], both[0][0].description.languages);
  const test = await testDataOf(options, both[0][0]);
  await startBackend(options, output, both[0][0].config);
  const translated: string[][] = [];
  for (const runs of both) {
    const lines = await translateTest(runs, test, { ...searchOptions(options), signal }, output);
    if (lines === undefined) return undefined;
    translated.push(lines);
  }
  return {
    names,
    hypotheses: [translated[0], translated[1]],
    references: test.pairs.map(({ target }) => target),
    scoring: scoring(options, both[0][0]),
  };
}

async function readBoth(names: [string, string], options: CompareOptions): Promise<TwoSystems> {
  if (options.referenceFile === undefined)
    throw new ConfigError('Expected --reference-file with --hypotheses, got none');
  if (options.sourceFile !== undefined)
    throw new ConfigError('Expected no --source-file with --hypotheses, which are translated already, got one');
  checkNoSearchFlags(options, 'with --hypotheses, which are translated already');
  const [references, first, second] = await Promise.all([options.referenceFile, ...names].map(readAllLines));
  for (const [index, lines] of [first, second].entries()) {
    if (lines.length === references.length) continue;
    const files = `${names[index]} as in ${options.referenceFile}`;
    throw new InputError(`Expected as many lines in ${files}, got ${lines.length} and ${references.length}`);
  }
  return {
    names,
    hypotheses: [first, second],
    references,
    scoring: { tokenize: options.tokenize ?? '13a', lowercase: options.lowercase ?? false },
  };
}
