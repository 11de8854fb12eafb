import { constants } from 'node:buffer';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gunzip, type ZlibOptions } from 'node:zlib';
import { InputError } from '@cadenza/core';

/** True where the bytes begin as a gzip file does. */
export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** No string is of more bytes than three for each of its UTF-16 units. */
const MAXIMUM_BYTES = Math.min(constants.MAX_LENGTH, 3 * constants.MAX_STRING_LENGTH);

/** The bytes themselves or, where they are a gzip file, what is compressed in it, as far as that may be one text. */
export async function gunzipWhole(bytes: Uint8Array, name: string, maximumBytes = MAXIMUM_BYTES): Promise<Uint8Array> {
  if (!isGzip(bytes)) return bytes;
  return promisify<Uint8Array, ZlibOptions, Uint8Array>(gunzip)(bytes, { maxOutputLength: maximumBytes }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ERR_BUFFER_TOO_LARGE') throw damaged(name, cause);
      const message = `Expected at most ${maximumBytes} bytes of text in the gzip file ${name}, got more; split it`;
      throw new InputError(message, { code: 'GZIP', cause });
    },
  );
}

/** What is compressed in a gzip file, piece by piece. */
export async function* gunzipPieces(bytes: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: 1 << 16 });
  const reading = pipeline(Readable.from(bytes, { objectMode: false }), unzip);
  reading.catch(() => {}); // what went wrong comes out of unzip too
  try {
    yield* unzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw damaged(name, cause);
  }
}

function damaged(name: string, cause: unknown): InputError {
  return new InputError(`Expected a whole gzip file at ${name}, got a damaged one: ${(cause as Error).message}`, {
    code: 'GZIP',
    cause,
  });
}
