import { constants, open as openDescriptor, type Stats } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { fileError } from '../fileError.js';
import { gunzipPieces, isGzip } from '../gzip.js';
import { decodeUtf8Stream } from '../utf8.js';

/**
 * The text of a file, piece by piece: UTF-8, plain or compressed by gzip, which its first two bytes tell and its name
 * need not. It is opened once and read from its start to its end, so that it may be a pipe. Throws an {@link InputError}
 * that names the file, and the byte and line where UTF-8 ends.
 *
 * @param signal ends the wait for whoever writes to a pipe
 */
export async function* readTextPieces(path: string, signal?: AbortSignal): AsyncGenerator<string> {
  const chunks = fileChunks(path, signal);
  try {
    const head = await firstBytes(chunks);
    const bytes = headAndRest(head, chunks);
    yield* decodeUtf8Stream(isGzip(head) ? gunzipPieces(bytes, path) : bytes, path);
  } finally {
    await chunks.return(undefined);
  }
}

/** Refuses, by an {@link InputError}, a path at which no text can be read; finds out before work that needs it begins. */
export async function checkTextFile(path: string): Promise<Stats> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    await access(path, constants.R_OK);
    return info;
  } catch (cause) {
    throw fileError(path, 'a text file', cause as NodeJS.ErrnoException);
  }
}

/** The lines of a file, in lists of many at once; see {@link linesOf} and {@link readTextPieces}. */
export async function* readLines(path: string, signal?: AbortSignal): AsyncGenerator<string[]> {
  yield* linesOf(readTextPieces(path, signal));
}

/**
 * The lines of a text in pieces, in lists of many at once. Only `\n` and `\r\n` end a line: U+0085, U+2028 or a lone `\r`
 * within a sentence would else set one side of a parallel corpus off against the other. What follows the last line end is
 * a line unless it is empty.
 */
export async function* linesOf(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest: string[] = []; // the pieces of a line without its end
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    rest.push(lines[0]);
    if (lines.length === 1) continue;
    lines[0] = rest.join('');
    rest = [lines.pop()!];
    yield lines.map(withoutReturn);
  }
  const last = rest.join('');
  if (last !== '') yield [withoutReturn(last)];
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

async function* fileChunks(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* (await stat(path)).isFIFO() ? await openPipe(path, signal) : regularChunks(path);
  } catch (cause) {
    signal?.throwIfAborted();
    throw fileError(path, 'a text file', cause as NodeJS.ErrnoException);
  }
}

async function* regularChunks(path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path);
  try {
    yield* file.createReadStream({ autoClose: false, highWaterMark: CHUNK }) as AsyncIterable<Uint8Array>;
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a pipe. The event loop waits for them: a thread that reads from a pipe, or opens one, keeps the process from its end
 * until somebody writes. Where opening cannot be told not to wait, it does.
 */
async function openPipe(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const flags = constants.O_RDONLY | (process.platform === 'linux' ? constants.O_NONBLOCK : 0);
  const fd = await promisify(openDescriptor)(path, flags);
  return new Socket({ fd, readable: true, writable: false, signal });
}

/** The first chunks, until there are the two bytes that tell gzip from text; nothing of an empty file. */
async function firstBytes(chunks: AsyncGenerator<Uint8Array, void, undefined>): Promise<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < 2) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* headAndRest(head: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  yield* rest;
}

const CHUNK = 1 << 16;
