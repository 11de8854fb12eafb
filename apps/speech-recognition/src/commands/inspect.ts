import { basename, resolve } from 'node:path';
import {
  addVerb,
  choice,
  createProgress,
  exitCodes,
  hypothesisCount,
  placeOfPage,
  positiveInteger,
  writeOutputFile,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { ConfigError, InputError } from '@cadenza/core';
import type { Command } from 'commander';
import { fromAllOver, readManifestFile, type Recording } from '../corpora.js';
import { inspectRecordings, shownParts, type RecordingView } from '../inspect.js';
import { renderInspectPage } from '../inspectPage.js';
import { readOwnPart } from '../ownRecordings.js';
import { Recognizer } from '../recognizer.js';
import { openRun, type SavedRun } from '../run.js';
import { SampleStore } from '../sampleStore.js';
import { contentOf } from '../soundPaths.js';
import { loadUtterances, SoundLoader } from '../utterances.js';
import { startBackend } from './backend.js';
import { tellOfRates } from './resampling.js';

/** A page holds the sound of all that it shows: long recordings are shown utterance by utterance until there are so many of them, 30 MB at most. */
const MOST_PARTS = 30;

interface InspectFlags extends CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  manifest?: string;
  recordings?: number;
  nBest: number;
  output?: string;
}

export function addInspectVerb(program: Command): void {
  addVerb<InspectFlags>(program, 'inspect', 'show what the network hears as an HTML page', inspectCommand, (verb) => {
    verb
      .argument(
        '[files...]',
        'sound files, or features made before (.mfc) (default: some of the run’s test or validation part)',
      )
      .requiredOption('--run <folder>', 'the run of the model')
      .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'))
      .option('--manifest <file>', 'recordings, with what is said in them if it is known')
      .option('--recordings <number>', 'how many to show of a manifest or the run’s own (default: 6)', positiveInteger)
      .option('--n-best <number>', 'how many ways to understand each', hypothesisCount, 5)
      .option('--output <path>', 'where the page goes (default: inspect.html in the run folder)');
  });
}

async function inspectCommand(
  options: InspectFlags,
  { output, signal }: ActionContext,
  ...operands: string[]
): Promise<void> {
  const files = operands.flat(); // commander hands over a list
  checkFiles(files, options);
  const run = openRun(options.run, { checkpoint: options.checkpoint, onWarning: output.warn });
  const path = placeOfPage(options.output, run.directory);
  const recordings = await recordingsOf(files, options, run);
  await startBackend(options, output, run.config);
  const recognizer = new Recognizer(run);
  const progress = createProgress(output, { label: 'inspect', total: recordings.length });
  const views: RecordingView[] = [];
  let failed = 0;
  const onError = (error: InputError): void => {
    failed++;
    output.warn(`error: ${error.message}`);
  };
  try {
    const load = {
      ...{ clean: (text: string) => run.symbols.clean(text), store: new SampleStore(), signal, onError },
      loader: new SoundLoader(recognizer.sampleRate, tellOfRates(output, recognizer.sampleRate)),
    };
    const loaded = await loadUtterances(recordings, run.pipeline, load);
    for (const [index, utterance] of loaded.entries()) {
      signal.throwIfAborted();
      const parts = shownParts(utterance, run);
      const shown = parts.slice(0, Math.max(1, MOST_PARTS - views.length));
      if (shown.length < parts.length) {
        output.say(`${utterance.id}: the first ${shown.length} of ${parts.length} utterances are shown`);
      }
      views.push(...(await inspectRecordings(recognizer, shown, { nBest: options.nBest })));
      progress.update(index + 1);
    }
    if (views.length === 0)
      throw new InputError(`Expected a recording that can be read, got none of ${recordings.length}`);
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  } finally {
    progress.stop();
    recognizer.dispose();
  }
  const page = renderInspectPage(views, {
    title: 'What the network hears',
    subtitle: `${basename(run.directory)}, step ${run.step}`,
  });
  writeOutputFile(path, page);
  if (!output.json) output.write(`${path}\n`);
  const numbers = { recordings: recordings.length - failed, views: views.length, ...(failed > 0 ? { failed } : {}) };
  output.object({ path, ...numbers, run: run.directory, step: run.step });
  if (failed > 0) process.exitCode = exitCodes.failed;
}

/** @throws {ConfigError} for flags that choose recordings beside files that are named */
function checkFiles(files: readonly string[], options: InspectFlags): void {
  for (const name of ['manifest', 'recordings'] as const) {
    if (files.length === 0 || options[name] === undefined) continue;
    throw new ConfigError(`Expected no --${name} with files, all of which are shown, got it`);
  }
}

/** The files that are named, or recordings from all over a manifest or the run's own. */
async function recordingsOf(
  files: readonly string[],
  { manifest, recordings: most = 6 }: InspectFlags,
  run: SavedRun,
): Promise<Recording[]> {
  if (files.length > 0) return files.map((file) => ({ id: basename(file), ...contentOf(resolve(file)) }));
  const all = manifest === undefined ? (await readOwnPart(run)).recordings : await readManifestFile(manifest);
  return fromAllOver(all, most);
}
