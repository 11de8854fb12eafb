import { InputError } from '@cadenza/core';

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

/** The offset of the first byte at which UTF-8 ends (RFC 3629, section 4), or -1 where all is well. */
export function firstInvalidByte(bytes: Uint8Array): number {
  let index = 0;
  while (index < bytes.length) {
    const length = sequenceLength(bytes, index);
    if (length === 0) return index;
    index += length;
  }
  return -1;
}

/** The bytes of the well-formed sequence that starts here, or 0. */
function sequenceLength(bytes: Uint8Array, index: number): number {
  const lead = bytes[index];
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length === 0 || index + length > bytes.length) return 0;
  // Over-long forms, surrogates and what lies beyond U+10FFFF show in the second byte.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (bytes[index + 1] < low || bytes[index + 1] > high) return 0;
  for (let next = 2; next < length; next++) {
    if (bytes[index + next] < 0x80 || bytes[index + next] > 0xbf) return 0;
  }
  return length;
}

function describeInvalid(bytes: Uint8Array, offset: number, name: string): string {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16)
    return `Expected UTF-8 in ${name}, got UTF-16 at byte 0; convert it, for example with iconv -f UTF-16 -t UTF-8`;
  let line = 1;
  for (let index = 0; index < offset; index++) if (bytes[index] === 0x0a) line++;
  const byte = `0x${bytes[offset].toString(16).toUpperCase().padStart(2, '0')}`;
  return `Expected UTF-8 in ${name}, got ${byte} at byte ${offset} (line ${line}); convert the file, for example with iconv`;
}
