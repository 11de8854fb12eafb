import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { fileError } from './fileError.js';
import { filesBelow } from './filesBelow.js';
import { gunzipWhole } from './gzip.js';
import { normalizeLineEnds } from './normalize.js';
import { decodeUtf8 } from './utf8.js';

/** What stands between two files of a folder. */
export const SEPARATORS = { none: '', newline: '\n', 'blank-line': '\n\n' } as const;
export type Separator = keyof typeof SEPARATORS;

export interface CorpusOptions {
  /** The files a folder is searched for, by the end of their names; `['*']` takes all. `['.txt']` unless told. */
  extensions?: readonly string[];
  /** What is put between two files; `newline` unless told. */
  separator?: Separator;
  /** `lf` (unless told) turns `\r\n` and `\r` into `\n`; `keep` leaves them. */
  lineEnds?: 'lf' | 'keep';
  /** Once aborted, standard input, which may never end, is no longer waited for: an `AbortError` instead. */
  signal?: AbortSignal;
}

export interface CorpusFile {
  path: string;
  bytes: number;
}

/** A text to learn from, and where it came from. */
export interface Corpus {
  text: string;
  files: CorpusFile[];
  /** SHA-256 of the text's UTF-8, after joining and line ends, so that a run can tell whether its data changed. */
  fingerprint: string;
}

/**
 * Reads a text: a file, a folder (every file with one of the extensions below it, in the order of their paths), or
 * standard input for `-`; plain or compressed by gzip, which the first two bytes tell. Throws an {@link InputError} that names the file, and the byte where UTF-8 ends.
 */
export async function readCorpus(path: string, options: CorpusOptions = {}): Promise<Corpus> {
  refuseUnknown('readCorpus', options, ['extensions', 'separator', 'lineEnds', 'signal']);
  const { extensions = ['.txt'], separator = 'newline', signal } = options;
  if (!(separator in SEPARATORS)) {
    throw new ConfigError(expected('separator', `one of ${Object.keys(SEPARATORS).join(', ')}`, separator));
  }
  if (path === '-') {
    const input = signal === undefined ? process.stdin : addAbortSignal(signal, process.stdin);
    return readCorpusFromStream(input, 'standard input', options);
  }
  const info = await stat(path).catch((cause) => {
    throw fileError(path, 'a text file or a folder', cause);
  });
  const paths = info.isDirectory() ? await textFilesBelow(path, extensions) : [path];
  const files: CorpusFile[] = [];
  const texts: string[] = [];
  for (const file of paths) {
    const bytes = await readFile(file).catch((cause) => {
      throw fileError(file, 'a text file', cause);
    });
    files.push({ path: file, bytes: bytes.length });
    texts.push(decodeUtf8(await gunzipWhole(bytes, file), file));
  }
  return toCorpus(texts.join(SEPARATORS[separator]), files, path, options);
}

/** Reads a text from a stream of bytes, plain or compressed by gzip. */
export async function readCorpusFromStream(
  stream: AsyncIterable<Uint8Array | string>,
  name: string,
  options: CorpusOptions = {},
): Promise<Corpus> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  const bytes = Buffer.concat(chunks);
  return toCorpus(
    decodeUtf8(await gunzipWhole(bytes, name), name),
    [{ path: name, bytes: bytes.length }],
    name,
    options,
  );
}

/** Reads one file, plain or compressed by gzip, where a folder will not do: a prompt, say. */
export async function readTextFile(path: string, options: CorpusOptions = {}): Promise<string> {
  const bytes = await readFile(path).catch((cause) => {
    throw fileError(path, 'a text file', cause);
  });
  return toCorpus(decodeUtf8(await gunzipWhole(bytes, path), path), [], path, options).text;
}

function toCorpus(decoded: string, files: CorpusFile[], name: string, { lineEnds = 'lf' }: CorpusOptions): Corpus {
  if (lineEnds !== 'lf' && lineEnds !== 'keep') throw new ConfigError(expected('lineEnds', 'lf or keep', lineEnds));
  const text = lineEnds === 'lf' ? normalizeLineEnds(decoded) : decoded;
  if (text === '') throw new InputError(`Expected text in ${name}, got nothing: it is empty`, { code: 'EMPTY' });
  return { text, files, fingerprint: createHash('sha256').update(text, 'utf8').digest('hex') };
}

/** The files with one of the extensions, sorted by their path's code units so that every machine reads one text. */
async function textFilesBelow(folder: string, extensions: readonly string[]): Promise<string[]> {
  const endings = extensions.map((extension) => (extension === '*' ? '' : `.${extension.replace(/^\*?\.?/, '')}`));
  const found: string[] = [];
  let others = 0;
  const onUnreadable = (path: string, cause: NodeJS.ErrnoException): never => {
    throw fileError(path, 'a folder', cause);
  };
  for (const name of await filesBelow(folder, { skipHidden: true, onUnreadable })) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined); // a link to nowhere is no file
    if (info?.isFile() && endings.some((ending) => name.endsWith(ending))) found.push(path);
    else others++;
  }
  if (found.length === 0) {
    const got = others === 0 ? 'an empty folder' : `${others} other file${others === 1 ? '' : 's'}`;
    throw new InputError(`Expected files ending in ${extensions.join(' or ')} in ${folder}, got ${got}`, {
      code: 'EMPTY',
    });
  }
  const key = (path: string): string => relative(folder, path).split(sep).join('/');
  return found.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
