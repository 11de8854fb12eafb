import { basename } from 'node:path';
import {
  addVerb,
  createProgress,
  hypothesisCount,
  placeOfPage,
  positiveInteger,
  repeated,
  writeOutputFile,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import type { Command } from 'commander';
import { inspectTranslations, type Inspection } from '../inspect.js';
import { renderInspectPage } from '../inspectPage.js';
import { Translator } from '../translator.js';
import { startBackend } from './backend.js';
import { checkTestFiles, testDataOf, type TestFlags } from './evaluate.js';
import { addRunFlags, openRuns, type RunOptions } from './runOptions.js';

interface InspectOptions extends RunOptions, TestFlags, CommonOptions {
  text?: string[];
  sentences: number;
  most: number;
  beam: number;
  output?: string;
}

export function addInspectVerb(program: Command): void {
  addVerb<InspectOptions>(
    program,
    'inspect',
    'show what the network attends to as an HTML page',
    inspectCommand,
    (verb) => {
      addRunFlags(verb);
      verb
        .option('--text <sentence>', 'one to draw, repeatable (default: some of the test set)', repeated)
        .option('--source-file <file>', 'a test set (default: the run’s own test or validation part)')
        .option('--reference-file <file>', 'its translations, line by line')
        .option(
          '--sentences <number>',
          'of the test set to look for certain and uncertain ones in',
          positiveInteger,
          1000,
        )
        .option('--most <number>', 'how many of either to show', positiveInteger, 10)
        .option('--beam <number>', 'hypotheses followed at once', hypothesisCount, 5)
        .option('--output <path>', 'where the page goes (default: inspect.html in the run folder)');
    },
  );
}

/** How many sentences of the test set are drawn where none are given. */
const DRAWN = 6;

async function inspectCommand(options: InspectOptions, { output, signal }: ActionContext): Promise<void> {
  await checkTestFiles(options);
  const runs = openRuns(options, output);
  const path = placeOfPage(options.output, runs[0].directory);
  const test = await testDataOf(options, runs[0]);
  const pairs = test.pairs.slice(0, options.sentences);
  await startBackend(options, output, runs[0].config);
  const translator = Translator.of(runs);
  const progress = createProgress(output, { label: 'inspect', total: pairs.length });
  let inspection: Inspection;
  try {
    inspection = await inspectTranslations(translator, {
      lines: options.text ?? someOf(pairs.map(({ source }) => source)),
      ...{ pairs, most: options.most, beam: options.beam, signal },
      onProgress: (done) => progress.update(done),
    });
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  } finally {
    progress.stop();
    translator.dispose();
  }
  const { source, target } = inspection.languages;
  const page = renderInspectPage(inspection, {
    title: `From ${source} to ${target}`,
    subtitle: `${runs.map(({ directory }) => basename(directory)).join(', ')}, step ${runs[0].step}`,
  });
  writeOutputFile(path, page);
  if (!output.json) output.write(`${path}\n`);
  output.object({ path, maps: inspection.maps.length, sentences: inspection.sentences, run: runs[0].directory });
}

/** Sentences from all over a test set, so that they are of several kinds. */
function someOf(sentences: readonly string[]): string[] {
  const count = Math.min(DRAWN, sentences.length);
  return Array.from({ length: count }, (_, index) => sentences[Math.floor((index * sentences.length) / count)]);
}
