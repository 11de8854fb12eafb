import { createReadStream } from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { ConfigError, expected, firstInvalidByte, InputError, refuseUnknown } from '@cadenza/core';
import { fileProblem } from './atomicFile.js';

/** One recording of a manifest. */
export interface ManifestEntry {
  /** The sound, or its features: one of both. Relative paths are joined to the manifest's folder. */
  audioPath?: string;
  featurePath?: string;
  /** In seconds. */
  duration?: number;
  /** Where in the file the recording begins, in seconds. */
  offset?: number;
  text?: string;
  speaker?: string;
  /** The line in the manifest, from 1. */
  line: number;
  /** What else the line says. */
  extra: Record<string, unknown>;
}

export interface ManifestOptions {
  /** A bad line ends the reading with its error (`throw`, unless told), or is told of here and passed over. */
  onError?: 'throw' | ((error: InputError) => void);
}

const KNOWN = ['audio_filepath', 'feature_filepath', 'duration', 'offset', 'text', 'speaker'];

/**
 * Reads a manifest of NeMo's kind line by line, whatever its length: `{"audio_filepath": "x.wav", "duration": 1.2,
 * "text": "seven"}`, or `feature_filepath` for features made before; UTF-8, with or without a byte order mark. Empty lines are
 * passed over.
 *
 * @throws {InputError} for a file that cannot be read, and for a bad line: one line with its number
 */
export async function* readManifest(path: string, options: ManifestOptions = {}): AsyncGenerator<ManifestEntry> {
  refuseUnknown('readManifest', options, ['onError']);
  const { onError = 'throw' } = options;
  if (onError !== 'throw' && typeof onError !== 'function') {
    throw new ConfigError(expected('onError', 'throw or a function', onError));
  }
  // As one character a byte, so that lines can be told apart before they are decoded.
  const input = createReadStream(path, { encoding: 'latin1' });
  const opened = new Promise<void>((resolve, reject) => input.once('ready', resolve).once('error', reject));
  await opened.catch((cause) => {
    throw fileProblem('a manifest', path, cause);
  });
  let broken: NodeJS.ErrnoException | undefined;
  input.once('error', (cause) => (broken = cause));
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number++;
      let entry: ManifestEntry;
      try {
        const text = decodeLine(Buffer.from(line, 'latin1'), path, number);
        if (text.trim() === '') continue;
        entry = parseManifestLine(text, path, number);
      } catch (error) {
        if (onError === 'throw' || !(error instanceof InputError)) throw error;
        onError(error);
        continue;
      }
      yield entry;
    }
  } catch (error) {
    if (error !== broken) throw error;
  } finally {
    input.destroy();
  }
  if (broken) throw fileProblem('a manifest', path, broken);
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of one line, the first without its byte order mark. @throws {InputError} for bytes that are not UTF-8 */
function decodeLine(bytes: Buffer, manifestPath: string, line: number): string {
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch (cause) {
    const offset = firstInvalidByte(bytes);
    const byte = `0x${bytes[offset].toString(16).toUpperCase().padStart(2, '0')}`;
    const got = `${byte} at byte ${offset} of line ${line}; convert the file, for example with iconv`;
    throw new InputError(`Expected UTF-8 in ${manifestPath}, got ${got}`, { code: 'UTF8', cause });
  }
  return line === 1 ? text.replace(/^\uFEFF/, '') : text;
}

/** Checks one line. @throws {InputError} naming the manifest and the line */
export function parseManifestLine(text: string, manifestPath: string, line: number): ManifestEntry {
  const fail = (wanted: string, got: unknown): never => {
    throw new InputError(`${expected(`line ${line} of ${manifestPath}`, wanted, got)}`, { code: 'MANIFEST' });
  };
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text);
  } catch {
    return fail('a JSON object', text.length > 60 ? `${text.slice(0, 60)}...` : text);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return fail('a JSON object', fields);
  const word = (key: string): string | undefined => {
    const value = fields[key];
    if (value == null) return undefined;
    return typeof value === 'string' ? value : fail(`an object whose ${key} is a string`, value);
  };
  const seconds = (key: string): number | undefined => {
    const value = fields[key];
    if (value == null) return undefined;
    const good = typeof value === 'number' && Number.isFinite(value) && value >= 0;
    return good ? value : fail(`an object whose ${key} is a number of seconds`, value);
  };
  const audio = word('audio_filepath');
  const features = word('feature_filepath');
  if (!audio && !features) fail('an object with audio_filepath or feature_filepath', Object.keys(fields));
  if (audio && features) fail('an object with one of audio_filepath and feature_filepath', 'both');
  const resolve = (file: string): string => (isAbsolute(file) ? file : join(dirname(manifestPath), file));
  const entry: ManifestEntry = {
    duration: seconds('duration'),
    offset: seconds('offset'),
    text: word('text'),
    speaker: word('speaker'),
    line,
    extra: Object.fromEntries(Object.entries(fields).filter(([key]) => !KNOWN.includes(key))),
  };
  if (audio) entry.audioPath = resolve(audio);
  else entry.featurePath = resolve(features!);
  return entry;
}

/** A line of a manifest, with paths relative to its folder where they lie below it. */
export function formatManifestLine(entry: Omit<ManifestEntry, 'line' | 'extra'>, manifestPath: string): string {
  const shorten = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined;
    const short = relative(dirname(manifestPath), file);
    return short.startsWith('..') || isAbsolute(short) ? file : short;
  };
  return JSON.stringify({
    audio_filepath: shorten(entry.audioPath),
    feature_filepath: shorten(entry.featurePath),
    duration: entry.duration,
    offset: entry.offset,
    text: entry.text,
    speaker: entry.speaker,
  });
}
