import {
  addVerb,
  checkOutputFile,
  choice,
  createProgress,
  formatTable,
  hypothesisCount,
  plural,
  repeated,
  writeOutputFile,
  type ActionContext,
  type CommonOptions,
} from '@cadenza/cli';
import { ConfigError, InputError } from '@cadenza/core';
import type { Command } from 'commander';
import { readManifestFile, type Recording } from '../corpora.js';
import { dataRequest, readRequest } from '../dataRequest.js';
import { confusionTable, errorReport, type MeasuredRecording } from '../errorReport.js';
import { countsOf, scoreHeader, scoreRow, scoreTranscripts, type RecognitionResult } from '../evaluate.js';
import { joinTexts } from '../formats.js';
import { readOwnPart, type PartName } from '../ownRecordings.js';
import { Recognizer } from '../recognizer.js';
import type { SavedRun } from '../run.js';
import { transcribeRecordings } from '../transcribeRecordings.js';
import { located } from '../utterances.js';
import { AdaptingTeller, noAdapt } from './adapting.js';
import { startBackend } from './backend.js';
import { openRuns, severalRuns } from './openRuns.js';
import { tellOfRates } from './resampling.js';
import { checkGreedy, checkSearched } from './transcribeOptions.js';

interface EvaluateOptions extends CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  manifest?: string;
  data?: string;
  part?: PartName;
  speaker?: string[];
  beam?: number;
  greedy?: boolean;
  adapt: boolean;
  details?: string;
}

export function addEvaluateVerb(program: Command): void {
  addVerb<EvaluateOptions>(program, 'evaluate', 'measure transcripts of unseen recordings', evaluateCommand, (verb) => {
    verb
      .requiredOption('--run <folder>', severalRuns)
      .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'))
      .option('--manifest <file>', 'recordings with what is said in them')
      .option('--data <path>', 'a folder of recordings (default: what the run was trained on)')
      .addOption(
        choice('--part <name>', 'of the folder (default: test; validation of a run whose data has no test part)', [
          'train',
          'validation',
          'test',
        ]),
      )
      .option('--speaker <name>', 'measure on a speaker only, repeatable', repeated)
      .option('--beam <number>', 'hypotheses followed at once', hypothesisCount)
      .option('--greedy', 'the likeliest symbol of each frame, without a language model')
      .option(...noAdapt)
      .option('--details <file>', 'where to write the alignment of each error, as sclite does');
  });
}

/** Refuses flags that do not go together, and a file that cannot be written, before anything is read. */
function checkFlags(options: EvaluateOptions): void {
  checkGreedy(options);
  for (const name of ['data', 'part'] as const) {
    if (options.manifest === undefined || options[name] === undefined) continue;
    throw new ConfigError(`Expected no --${name} with --manifest, all of which is measured, got it`);
  }
  if (options.details !== undefined) checkOutputFile('--details', options.details);
}

async function evaluateCommand(options: EvaluateOptions, { output, signal }: ActionContext): Promise<void> {
  checkFlags(options);
  const [run, ...others] = openRuns(options, output);
  checkSearched(options, run);
  const { part, recordings } = await recordingsOf(options, run);
  if (part === 'validation' && options.part === undefined) {
    output.say(
      `no test part is known: ${plural(recordings.length, 'recording')} of the validation part, which chose the model`,
    );
  }
  await startBackend(options, output, run.config);
  const measured = await measure(new Recognizer(run, others), recordings, options, { output, signal });
  if (measured === undefined) return;
  const { result, transcribed, elapsed, seconds, failed, adapted } = measured;
  if (options.details !== undefined) writeOutputFile(options.details, `${errorReport(transcribed, result)}\n`);
  if (!output.json) {
    output.write(`${formatTable(scoreHeader, [scoreRow(part ?? 'all', result)])}\n`);
    if (result.confusions.length > 0) output.say(confusionTable(result.confusions));
  }
  output.object({
    ...countsOf(result),
    real_time_factor: seconds > 0 ? elapsed / seconds : 0,
    seconds: elapsed,
    audio_seconds: seconds,
    ...(failed > 0 ? { failed } : {}),
    ...(adapted > 0 ? { adapted_to: adapted } : {}),
    ...(part === undefined ? {} : { part }),
    run: run.directory,
    step: run.step,
  });
  if (failed > 0) process.exitCode = 1;
}

interface Measured {
  result: RecognitionResult;
  transcribed: MeasuredRecording[];
  /** Seconds of work, and of sound. */
  elapsed: number;
  seconds: number;
  /** Recordings that could not be read. */
  failed: number;
  /** How many recordings a model had adapted to. */
  adapted: number;
}

/** Transcribes the recordings as `transcribe` does and compares what is heard with what is said; undefined where the user stopped it. */
async function measure(
  recognizer: Recognizer,
  recordings: readonly Recording[],
  options: EvaluateOptions,
  { output, signal }: Pick<ActionContext, 'output' | 'signal'>,
): Promise<Measured | undefined> {
  const { run } = recognizer;
  const adapting = new AdaptingTeller(output);
  const progress = createProgress(output, { label: 'transcribe', total: 2 * recordings.length });
  try {
    const started = performance.now();
    const transcribed: MeasuredRecording[] = [];
    let [seconds, failed] = [0, 0];
    for await (const result of transcribeRecordings(recognizer, recordings, {
      ...{ beam: options.beam, method: options.greedy ? ('greedy' as const) : undefined, signal },
      ...{ adapt: options.adapt, onAdapt: adapting.onAdapt },
      // Where the voices of all recordings are told apart, all are heard together.
      batchSeconds: run.config.features.normalization === 'speaker' ? Infinity : undefined,
      onResample: tellOfRates(output, recognizer.sampleRate),
      onEmpty: ({ id }) => output.warn(`shorter than a frame: ${id}`),
      onProgress: (done) => progress.update(done),
    })) {
      if ('error' in result) {
        failed++;
        output.warn(`error: ${located(result.error, result.recording).message}`);
        continue;
      }
      const { id, speaker, text = '' } = result.recording;
      const hypothesis = joinTexts(result.transcript.utterances);
      transcribed.push({ id, speaker, reference: run.symbols.clean(text), hypothesis });
      seconds += result.transcript.seconds;
    }
    if (transcribed.length === 0)
      throw new InputError(`Expected a recording that can be read, got none of ${recordings.length}`);
    const elapsed = (performance.now() - started) / 1000;
    const result = scoreTranscripts(
      transcribed.map(({ reference }) => reference),
      transcribed.map(({ hypothesis }) => hypothesis),
    );
    return { result, transcribed, elapsed, seconds, failed, adapted: adapting.recordings };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    progress.stop();
    recognizer.dispose();
  }
}

/** What is measured, and the part it is of its corpus; no part of a manifest. */
async function recordingsOf(
  options: EvaluateOptions,
  run: SavedRun,
): Promise<{ part?: PartName; recordings: readonly Recording[] }> {
  const { part, where, recordings: all } = await namedRecordings(options, run);
  const { speaker } = options;
  const recordings = all.filter((recording) => speaker === undefined || speaker.includes(recording.speaker ?? ''));
  if (recordings.length === 0) {
    const whose = speaker === undefined ? '' : ` of ${speaker.join(', ')}`;
    const of = part === undefined ? '' : ` in the ${part} part of ${where}`;
    throw new InputError(
      `Expected recordings to measure on, got none${whose}${of}; name others by --manifest, --data or --part`,
    );
  }
  const untold = recordings.find(({ text }) => text === undefined);
  if (untold) throw new InputError(`Expected a text with each recording to measure on, got none with ${untold.id}`);
  return { part, recordings };
}

async function namedRecordings(
  { manifest, data, part }: EvaluateOptions,
  run: SavedRun,
): Promise<{ part?: PartName; where: string; recordings: readonly Recording[] }> {
  if (manifest !== undefined) return { where: manifest, recordings: await readManifestFile(manifest) };
  const request = dataRequest({ data });
  if (request === undefined) return { where: run.description.data.source, ...(await readOwnPart(run, part)) };
  const wanted = part ?? 'test';
  return { part: wanted, where: request.source, recordings: (await readRequest(request))[wanted] ?? [] };
}
