import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { exitCodes, type ActionContext } from '@cadenza/cli';
import { ConfigError, defaultFileSystem, InputError, replaceFile } from '@cadenza/core';
import { transcriptWriter, type RecordingTranscript, type TranscriptFormat } from '../formats.js';
import type { Recognizer } from '../recognizer.js';
import { findRecordings, type NamedRecording } from '../soundPaths.js';
import { transcribeRecordings } from '../transcribeRecordings.js';
import { located } from '../utterances.js';
import { tellOfRates } from './resampling.js';
import { AdaptingTeller } from './adapting.js';
import { Tally } from './tally.js';
import type { RecognitionOptions, TranscribeFlags } from './transcribeOptions.js';

export interface FileRequest {
  flags: TranscribeFlags;
  options: RecognitionOptions;
}

/** Transcribes files, folders and manifests; one that cannot be read is told of, and the others are done. */
export async function transcribeFiles(
  recognizer: Recognizer,
  paths: readonly string[],
  { flags, options }: FileRequest,
  { output, signal }: ActionContext,
): Promise<void> {
  const tally = new Tally();
  const fail = (error: InputError): void => {
    tally.failed++;
    output.warn(`error: ${error.message}`);
  };
  if (flags.output !== undefined) makeFolder(flags.output);
  const recordings = await findRecordings(paths, fail);
  const isOneFile = paths.length === 1 && recordings.length === 1 && recordings[0].id === paths[0];
  if (flags.output === undefined) checkOneFile(flags.format, recordings, isOneFile);
  else checkNames(recordings);
  const { words, nBest } = flags;
  const writer = transcriptWriter(flags.format, {
    ...{ named: !isOneFile && flags.output === undefined, words, hypotheses: nBest !== undefined },
  });
  const keep = (name: string, transcript: RecordingTranscript): void =>
    flags.output === undefined
      ? output.write(writer.recording(transcript))
      : writeTranscript(flags.output, name, flags.format, writer.recording(transcript));
  const tell = {
    onResample: tellOfRates(output, recognizer.sampleRate),
    onEmpty: ({ id }: { id: string }) => output.warn(`shorter than a frame: ${id}`),
    onAdapt: new AdaptingTeller(output).onAdapt,
  };
  const started = performance.now();
  try {
    for await (const result of transcribeRecordings(recognizer, recordings, { ...options, ...tell, signal })) {
      if ('error' in result) {
        fail(located(result.error, result.recording));
        continue;
      }
      keep(result.recording.name, result.transcript);
      tally.recordings++;
      tally.audioSeconds += result.transcript.seconds;
      for (const utterance of result.transcript.utterances) tally.count(utterance);
      if (tally.recordings % 1000 === 0) output.say(`${tally.recordings} of ${recordings.length} recordings`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  tally.seconds = (performance.now() - started) / 1000;
  output.say(tally.summary());
  if (tally.failed > 0) process.exitCode = tally.recordings > 0 ? exitCodes.failed : exitCodes.wrongCall;
  output.object({ ...tally.object(), run: recognizer.run.directory, step: recognizer.run.step });
}

/** Before anything is read: what is heard shall have a place. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const got = (cause as NodeJS.ErrnoException).code === 'EEXIST' ? `a file: ${path}` : (cause as Error).message;
    throw new InputError(`Expected --output to be a folder that can be written, got ${got}`, { cause });
  }
}

/** A file of subtitles holds one recording's. */
function checkOneFile(format: TranscriptFormat, recordings: readonly NamedRecording[], isOneFile: boolean): void {
  if (isOneFile || recordings.length < 2 || (format !== 'srt' && format !== 'vtt')) return;
  throw new ConfigError(`Expected --output with --format ${format} for ${recordings.length} recordings, got none`);
}

function checkNames(recordings: readonly NamedRecording[]): void {
  const known = new Map<string, NamedRecording>();
  for (const recording of recordings) {
    const other = known.get(recording.name);
    if (other !== undefined) {
      throw new InputError(
        `Expected recordings of different names with --output, got ${recording.name} twice: ${other.id} and ${recording.id}`,
      );
    }
    known.set(recording.name, recording);
  }
}

function writeTranscript(folder: string, name: string, format: TranscriptFormat, content: string): void {
  const path = join(folder, `${name}.${format === 'text' ? 'txt' : format}`);
  mkdirSync(dirname(path), { recursive: true });
  replaceFile(defaultFileSystem, path, content);
}
