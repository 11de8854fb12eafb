import { InputError } from '@cadenza/core';

/** CRC-32 of Ogg: the polynomial 0x04c11db7 from the highest bit on, without inversions (RFC 3533, section 6). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte << 24;
  for (let bit = 0; bit < 8; bit++) word = word & 0x80000000 ? (word << 1) ^ 0x04c11db7 : word << 1;
  return word;
});

/**
 * Checks that bytes are whole Ogg pages, one after another, whose checksums are right and the last of which ends the stream; decoders of
 * what they hold may hang on anything else.
 * @throws {InputError} one line, with the byte where it goes wrong
 */
export function checkOggPages(bytes: Uint8Array, name: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let last = false;
  for (let at = 0; at < bytes.length;) {
    const isPage = at + 27 <= bytes.length && view.getUint32(at) === 0x4f676753;
    if (!isPage) throw oggError(name, at, 'an Ogg page', 'none (truncated?)');
    const segments = view.getUint8(at + 26);
    let end = at + 27 + segments;
    for (let s = at + 27; s < Math.min(at + 27 + segments, bytes.length); s++) end += bytes[s];
    if (end > bytes.length)
      throw oggError(name, at, `an Ogg page of ${end - at} bytes`, `${bytes.length - at} (truncated?)`);
    const wanted = view.getUint32(at + 22, true);
    const found = checksum(bytes, at, end);
    if (found !== wanted) throw oggError(name, at, `an Ogg page with the checksum ${wanted}`, `${found}`);
    last = (bytes[at + 5] & 4) !== 0;
    at = end;
  }
  if (!last) throw oggError(name, bytes.length, 'another Ogg page', 'the end of the file (truncated?)');
}

/** Of one page, whose own checksum counts as zeros. */
function checksum(bytes: Uint8Array, begin: number, end: number): number {
  let sum = 0;
  for (let at = begin; at < end; at++) {
    const byte = at >= begin + 22 && at < begin + 26 ? 0 : bytes[at];
    sum = (sum << 8) ^ TABLE[(sum >>> 24) ^ byte];
  }
  return sum >>> 0;
}

function oggError(name: string, byte: number, wanted: string, got: string): InputError {
  return new InputError(`Expected ${name} to have ${wanted} at byte ${byte}, got ${got}`, { code: 'AUDIO' });
}
