/** Bytes as letters of Latin-1. */
export const letters = (bytes: Uint8Array, at: number, count: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + count));

/** Where the file goes on behind an ID3v2 tag, whose size is in four bytes of seven bits. */
export function endOfLeadingTag(bytes: Uint8Array): number {
  if (letters(bytes, 0, 3) !== 'ID3' || bytes.length < 10) return 0;
  const size = bytes.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
  return 10 + size + (bytes[5] & 0x10 ? 10 : 0); // and a footer, where there is one
}

/** Where the tags ID3v1 and APE at the end of a file begin. */
export function endBeforeTags(bytes: Uint8Array, start: number): number {
  const isText = (at: number, text: string): boolean => at >= start && letters(bytes, at, text.length) === text;
  let end = bytes.length;
  if (isText(end - 128, 'TAG')) end -= 128;
  if (isText(end - 32, 'APETAGEX')) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + end - 32, 32);
    const hasHeader = view.getUint32(20, true) >>> 31;
    const begin = end - view.getUint32(12, true) - 32 * hasHeader;
    if (begin > start) end = begin;
  }
  return end;
}
