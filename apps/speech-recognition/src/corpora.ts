import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { readManifest, type ManifestEntry } from '@cadenza/audio';
import { expected, InputError } from '@cadenza/core';
import { decodeUtf8 } from '@cadenza/text';

/** A recording and where it lies. */
export interface Recording {
  /** What it is called in tables: its path below the corpus, or the place in its manifest. */
  id: string;
  speaker?: string;
  /** As it is written in the corpus. */
  text?: string;
  /** The sound, or features made before: one of both. */
  audioPath?: string;
  featurePath?: string;
  /** In seconds: the part of the sound file that is meant; all of it when absent. */
  offset?: number;
  duration?: number;
}

/** The parts that a corpus itself tells apart. */
export interface Corpus {
  train: Recording[];
  /** null where the corpus names none. */
  validation: Recording[] | null;
  test: Recording[];
  /** Which recordings are for the test, where no list says so. */
  testRule?: string;
}

/**
 * The recordings of a path: a manifest; a folder with `train.jsonl` and, if there are any, `validation.jsonl` and `test.jsonl`; a
 * corpus in the layout of CMU Sphinx (`etc/NAME_train.fileids`, `etc/NAME_train.transcription`, WAV or SPHERE below `wav`
 * or cepstra below `feat`); or files named `{label}_{speaker}_{index}.wav` as the Free Spoken Digit Dataset's are, whose test part is index 0
 * to 4. Where all labels are digits, as there, their texts are the digits' names.
 *
 * @throws {InputError} for a path that is none of them, and for the first line or file that is wrong
 */
export async function readCorpus(path: string): Promise<Corpus> {
  if (!existsSync(path))
    throw new InputError(`Expected a manifest or a folder of recordings, got nothing there: ${path}`);
  if (!statSync(path).isDirectory()) return { train: await readManifestFile(path), validation: null, test: [] };
  if (existsSync(join(path, 'train.jsonl'))) return readManifestFolder(path);
  const control = sphinxControl(path);
  if (control !== undefined) return control;
  const labelled = labelledFiles(path);
  if (labelled !== undefined) return labelled;
  throw new InputError(
    'Expected train.jsonl, etc/*_train.fileids or sound files named LABEL_SPEAKER_INDEX.wav in the folder, ' +
      `got none of them: ${path}`,
  );
}

/** All recordings of a manifest. */
export async function readManifestFile(path: string, onError?: (error: InputError) => void): Promise<Recording[]> {
  const recordings: Recording[] = [];
  const files = new Set<string>();
  for await (const entry of readManifest(path, onError && { onError })) recordings.push(ofEntry(entry, path, files));
  if (recordings.length === 0) throw new InputError(`Expected recordings in the manifest, got none: ${path}`);
  return recordings;
}

/** @param files those of the lines before, which a file that is named again is told from by its line */
function ofEntry(
  { line, audioPath, featurePath, offset, duration, speaker, text }: ManifestEntry,
  path: string,
  files: Set<string>,
): Recording {
  const file = relative(dirname(resolve(path)), resolve((audioPath ?? featurePath)!));
  const id = offset === undefined && !files.has(file) ? file : `${file}:${line}`;
  files.add(file);
  return { id, speaker, text, audioPath, featurePath, offset, duration };
}

async function readManifestFolder(folder: string): Promise<Corpus> {
  const part = async (name: string): Promise<Recording[] | null> => {
    const path = join(folder, `${name}.jsonl`);
    return existsSync(path) ? readManifestFile(path) : null;
  };
  return { train: (await part('train'))!, validation: await part('validation'), test: (await part('test')) ?? [] };
}

/** A corpus of CMU Sphinx's trainer: control files of paths without their ends, and transcripts with the name in brackets. */
function sphinxControl(folder: string): Corpus | undefined {
  const etc = join(folder, 'etc');
  if (!existsSync(etc)) return undefined;
  const names = readdirSync(etc);
  const control = (part: string): Recording[] | undefined => {
    const fileids = names.find((name) => name.endsWith(`_${part}.fileids`));
    return fileids === undefined ? undefined : readControl(folder, join(etc, fileids));
  };
  const train = control('train');
  return train && { train, validation: null, test: control('test') ?? [] };
}

function readControl(folder: string, fileids: string): Recording[] {
  const transcription = fileids.replace(/\.fileids$/u, '.transcription');
  const ids = linesOf(fileids);
  const texts = linesOf(transcription);
  if (ids.length !== texts.length) {
    throw new InputError(
      `Expected as many lines in ${transcription} as in ${fileids}, ${ids.length}, got ${texts.length}`,
    );
  }
  return ids.map((id, index) => {
    const match = /^(?:<s>)?(.*?)(?:<\/s>)?\s*\(([^()]+)\)\s*$/u.exec(texts[index]);
    if (match === null || match[2] !== basename(id)) {
      throw new InputError(
        expected(`line ${index + 1} of ${transcription}`, `words and (${basename(id)})`, texts[index]),
      );
    }
    return { id, speaker: basename(dirname(id)), text: match[1].trim(), ...contentOf(folder, id) };
  });
}

function contentOf(folder: string, id: string): { audioPath: string } | { featurePath: string } {
  const candidates = [
    { audioPath: join(folder, 'wav', `${id}.wav`) },
    { audioPath: join(folder, 'wav', `${id}.sph`) },
    { featurePath: join(folder, 'feat', `${id}.mfc`) },
  ];
  const found = candidates.find((candidate) => existsSync(Object.values(candidate)[0]));
  if (found) return found;
  throw new InputError(`Expected wav/${id}.wav, wav/${id}.sph or feat/${id}.mfc in ${folder}, got none of them`);
}

/** Files whose names say what they hold; undefined where there are none. */
function labelledFiles(folder: string): Corpus | undefined {
  const pattern = /^([^_]+)_(.+)_(\d+)\.wav$/u;
  const below = existsSync(join(folder, 'recordings')) ? join(folder, 'recordings') : folder;
  const files = readdirSync(below).flatMap((name) => {
    const match = pattern.exec(name);
    return match === null ? [] : [{ name, label: match[1], speaker: match[2], index: Number(match[3]) }];
  });
  if (files.length === 0) return undefined;
  const areDigits = files.every(({ label }) => /^\d$/u.test(label));
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const recording = ({ name, label, speaker }: (typeof files)[number]): Recording => ({
    ...{ id: name, speaker, text: areDigits ? DIGITS[Number(label)] : label, audioPath: join(below, name) },
  });
  const isTest = ({ index }: { index: number }): boolean => index <= 4;
  return {
    train: files.filter((file) => !isTest(file)).map(recording),
    validation: null,
    test: files.filter(isTest).map(recording),
    testRule: 'LABEL_SPEAKER_INDEX.wav with an index of 0 to 4',
  };
}

const DIGITS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine'];

function linesOf(path: string): string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new InputError(`Expected a control file at ${path}, got: ${(cause as Error).message}`, { cause });
  }
  return decodeUtf8(bytes, path)
    .split(/\r?\n/u)
    .filter((line) => line.trim() !== '');
}

/** Of many, so many at most, evenly spread and in their order. */
export function fromAllOver<T>(all: readonly T[], most: number): T[] {
  const count = Math.min(most, all.length);
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]);
}
