import {
  addVerb,
  checkOutputFile,
  choice,
  createProgress,
  formatTable,
  writeOutputFile,
  type ActionContext,
  type CommonOptions,
  type Output,
} from '@cadenza/cli';
import { ConfigError, type BleuTokenizer } from '@cadenza/core';
import { checkTextFile } from '@cadenza/text';
import type { Command } from 'commander';
import { scoreHeader, scoreRow, scoreTranslations, type TranslationScores } from '../evaluate.js';
import type { OpenRun } from '../run.js';
import { ownTestData, readTestFiles, type TestData } from '../testData.js';
import type { TranslateOptions } from '../translationOptions.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import {
  addRunFlags,
  addSearchFlags,
  checkAttention,
  openRuns,
  searchOptions,
  type RunOptions,
  type SearchFlags,
} from './runOptions.js';

export interface TestFlags {
  sourceFile?: string;
  referenceFile?: string;
  tokenize?: BleuTokenizer;
  lowercase?: boolean;
}

interface EvaluateOptions extends RunOptions, SearchFlags, TestFlags, CommonOptions {
  save?: string;
}

export function addTestFlags(verb: Command): void {
  verb
    .option('--source-file <file>', 'sentences to translate (default: the run’s own test or validation part)')
    .option('--reference-file <file>', 'their translations, line by line')
    .addOption(
      choice('--tokenize <name>', 'how BLEU cuts words (default: as the run validated)', ['13a', 'intl', 'none']),
    )
    .option('--lowercase', 'measure without regard to capitals');
}

export function addEvaluateVerb(program: Command): void {
  addVerb<EvaluateOptions>(program, 'evaluate', 'measure translations of unseen sentences', evaluateCommand, (verb) => {
    addRunFlags(verb);
    addTestFlags(verb);
    verb.option('--save <file>', 'where to write the translations, one a line');
    addSearchFlags(verb);
  });
}

async function evaluateCommand(options: EvaluateOptions, { output, signal }: ActionContext): Promise<void> {
  if (options.save !== undefined) checkOutputFile('--save', options.save);
  await checkTestFiles(options);
  const runs = openRuns(options, output);
  checkAttention(runs, options);
  const search = searchOptions(options);
  const test = await testDataOf(options, runs[0]);
  await startBackend(options, output, runs[0].config);
  const started = performance.now();
  const hypotheses = await translateTest(runs, test, { ...search, signal }, output);
  if (hypotheses === undefined) return;
  const seconds = (performance.now() - started) / 1000;
  if (options.save !== undefined) writeOutputFile(options.save, hypotheses.map((line) => `${line}\n`).join(''));
  const measure = (places?: readonly number[]): TranslationScores =>
    scoreTranslations(
      places ? places.map((index) => hypotheses[index]) : hypotheses,
      (places ? places.map((index) => test.pairs[index]) : test.pairs).map(({ target }) => target),
      scoring(options, runs[0]),
    );
  const scores = measure();
  const parts = Object.entries(test.parts).map(([part, places]) => [part, measure(places)] as const);
  if (!output.json) {
    const rows = [scoreRow('all', scores), ...parts.map(([part, partScores]) => scoreRow(part, partScores))];
    output.write(`${formatTable(scoreHeader, rows)}\n`);
  }
  output.say(scores.bleu_signature);
  output.object({
    ...scores,
    seconds,
    ...(parts.length === 0 ? {} : { parts: Object.fromEntries(parts) }),
    data: test.name,
    run: runs.length === 1 ? runs[0].directory : runs.map(({ directory }) => directory),
    step: runs[0].step,
  });
}

/** The two files that are named, or else what the run has kept from training. */
export function testDataOf({ sourceFile, referenceFile }: TestFlags, run: OpenRun): Promise<TestData> {
  if (sourceFile !== undefined && referenceFile !== undefined) return readTestFiles(sourceFile, referenceFile);
  return ownTestData(run);
}

/** Refuses one test file alone, and files that are not there, before a model is read. */
export async function checkTestFiles({ sourceFile, referenceFile }: TestFlags): Promise<void> {
  if ((sourceFile === undefined) !== (referenceFile === undefined)) {
    const [given, missing] =
      sourceFile === undefined ? ['reference-file', 'source-file'] : ['source-file', 'reference-file'];
    throw new ConfigError(`Expected --${missing} beside --${given}, got none`);
  }
  for (const path of [sourceFile, referenceFile]) if (path !== undefined) await checkTextFile(path);
}

/** How to measure: as is told, or else as the run measured itself. */
export function scoring(
  { tokenize, lowercase }: TestFlags,
  { config }: OpenRun,
): { tokenize: BleuTokenizer; lowercase: boolean } {
  return {
    tokenize: tokenize ?? config.monitoring.bleuTokenizer,
    lowercase: lowercase ?? config.text.casing === 'lower',
  };
}

/** The best translation of each sentence; undefined where the user stopped it. */
export async function translateTest(
  runs: readonly OpenRun[],
  { pairs }: TestData,
  options: TranslateOptions,
  output: Output,
): Promise<string[] | undefined> {
  const translator = Translator.of(runs);
  const progress = createProgress(output, { label: 'translate', total: pairs.length });
  try {
    const translations = await translator.translate(
      pairs.map(({ source }) => source),
      { ...options, onProgress: (done) => progress.update(done) },
    );
    return translations.map(({ text }) => text);
  } catch (error) {
    if (options.signal?.aborted) return undefined;
    throw error;
  } finally {
    progress.stop();
    translator.dispose();
  }
}
