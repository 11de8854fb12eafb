import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { InputError } from '@cadenza/core';
import { fileError } from '../fileError.js';
import { decodeUtf8Stream } from '../utf8.js';

/**
 * The text of a file, piece by piece: UTF-8, plain or compressed by gzip, which its first two bytes tell and its name
 * need not. Throws an {@link InputError} that names the file, and the byte and line where UTF-8 ends.
 */
export async function* readTextPieces(path: string): AsyncGenerator<string> {
  let compressed = false;
  try {
    compressed = await isGzip(path);
  } catch (cause) {
    throw fileError(path, 'a text file', cause as NodeJS.ErrnoException);
  }
  yield* decodeUtf8Stream(compressed ? unzipped(path) : plain(path), path);
}

/** The first lines of a file, at most `count` of them, with the rest unread. */
export async function firstLines(path: string, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const batch of readLines(path)) {
    lines.push(...batch.slice(0, count - lines.length));
    if (lines.length === count) break;
  }
  return lines;
}

/** The lines of a file, in lists of many at once; see {@link linesOf}. */
export async function* readLines(path: string): AsyncGenerator<string[]> {
  yield* linesOf(readTextPieces(path));
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

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

async function* plain(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    yield* file.createReadStream({ autoClose: false, highWaterMark: CHUNK }) as AsyncIterable<Uint8Array>;
  } finally {
    await file.close();
  }
}

async function* unzipped(path: string): AsyncGenerator<Uint8Array> {
  const gunzip = Readable.from(plain(path), { objectMode: false }).pipe(createGunzip({ chunkSize: CHUNK }));
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw new InputError(`Expected a whole gzip file at ${path}, got a damaged one: ${(cause as Error).message}`, {
      code: 'GZIP',
      cause,
    });
  }
}

const CHUNK = 1 << 16;
