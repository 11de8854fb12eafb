import { InputError } from '@cadenza/core';

/** CRC-32 of Ogg: the polynomial 0x04c11db7 from the highest bit on, without inversions (RFC 3533, section 6). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let word = byte << 24;
  for (let bit = 0; bit < 8; bit++) word = word & 0x80000000 ? (word << 1) ^ 0x04c11db7 : word << 1;
  return word;
});

/** A page of an Ogg stream (RFC 3533, section 6). */
export interface OggPage {
  /** Which of several streams it belongs to. */
  serial: number;
  /** Where the stream stands when the packets that end in this page are decoded; -1 where none does. */
  granule: number;
  /** The lengths of the page's parts of packets: one of 255 bytes goes on in the next part. */
  lacing: Uint8Array;
  body: Uint8Array;
  last: boolean;
}

/**
 * The pages that bytes are made of. They must be whole, one after another, their checksums right, and the last one must end the stream;
 * decoders of what they hold may hang on anything else.
 * @throws {InputError} one line, with the byte where it goes wrong
 */
export function readOggPages(bytes: Uint8Array, name: string): OggPage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const pages: OggPage[] = [];
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
    pages.push({
      serial: view.getUint32(at + 14, true),
      granule: Number(view.getBigInt64(at + 6, true)),
      lacing: bytes.subarray(at + 27, at + 27 + segments),
      body: bytes.subarray(at + 27 + segments, end),
      last: (bytes[at + 5] & 4) !== 0,
    });
    at = end;
  }
  if (!pages.at(-1)?.last) throw oggError(name, bytes.length, 'another Ogg page', 'the end of the file (truncated?)');
  return pages;
}

/** The packets that end in each page; what the last page leaves open is no packet. */
export function packetsOfPages(pages: readonly OggPage[]): Uint8Array[][] {
  let open: Uint8Array[] = [];
  return pages.map(({ lacing, body }) => {
    const packets: Uint8Array[] = [];
    let at = 0;
    for (const length of lacing) {
      open.push(body.subarray(at, (at += length)));
      if (length === 255) continue;
      packets.push(open.length === 1 ? open[0] : Buffer.concat(open));
      open = [];
    }
    return packets;
  });
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
