import { firstInvalidByte, InputError } from '@cadenza/core';

export { firstInvalidByte };

/**
 * The text of UTF-8 bytes, without its byte order mark. Bytes that are not UTF-8 are an {@link InputError} that names
 * the source, the byte, its offset and its line: replacing them by U+FFFD would train a model on damage.
 */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const offset = firstInvalidByte(bytes);
    // Valid bytes fail too where the text is longer than the longest string.
    if (offset === -1) throw new InputError(`Expected ${name} to fit into one string: ${String(cause)}`, { cause });
    throw new InputError(describeInvalid(bytes, offset, name), { code: 'UTF8', cause });
  }
}

/**
 * The text of a stream of UTF-8, piece by piece and without its byte order mark, as strict as {@link decodeUtf8}: a file
 * larger than the longest string is read this way. A character may lie across two chunks.
 */
export async function* decodeUtf8Stream(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const read: Position = { bytes: 0, lines: 0 };
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : concatenate(rest, chunk);
    const end = bytes.length - incompleteAtEnd(bytes);
    const text = decodePart(bytes.subarray(0, end), name, read);
    rest = bytes.slice(end);
    if (text !== '') yield text;
  }
  decodePart(rest, name, read); // refuses half a character at the end
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How much of a file came before some bytes. */
interface Position {
  bytes: number;
  lines: number;
}

function decodePart(bytes: Uint8Array, name: string, read: Position): string {
  let text: string;
  try {
    text = strict.decode(bytes);
  } catch (cause) {
    throw new InputError(describeInvalid(bytes, firstInvalidByte(bytes), name, read), { code: 'UTF8', cause });
  }
  if (read.bytes === 0 && text.startsWith('\uFEFF')) text = text.slice(1);
  read.lines += lineEndsIn(bytes, bytes.length);
  read.bytes += bytes.length;
  return text;
}

/** How many bytes at the end begin a character of which more must follow: 0 to 3. */
function incompleteAtEnd(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 0;
    if (length > 0) return length > back ? back : 0;
  }
  return 0;
}

function concatenate(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function lineEndsIn(bytes: Uint8Array, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0 && at < end; at = bytes.indexOf(0x0a, at + 1)) lines++;
  return lines;
}

function describeInvalid(
  bytes: Uint8Array,
  offset: number,
  name: string,
  before: Position = { bytes: 0, lines: 0 },
): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16 && before.bytes === 0)
    return `Expected UTF-8 in ${name}, got UTF-16 at byte 0; convert it, for example with iconv -f UTF-16 -t UTF-8`;
  const line = before.lines + lineEndsIn(bytes, offset) + 1;
  const byte = `0x${bytes[offset].toString(16).toUpperCase().padStart(2, '0')}`;
  const place = `${before.bytes + offset} (line ${line})`;
  return `Expected UTF-8 in ${name}, got ${byte} at byte ${place}; convert the file, for example with iconv`;
}
