import { CheckpointError } from '../errors.js';

/** CRC-32C (Castagnoli), reflected polynomial 0x82f63b78: the remainder of every byte. */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc >>> 0;
});

/** CRC-32C of RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = remainders[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** TFRecord's mask, so that a CRC of data that contain CRCs stays a good one: rotate right by 15, add 0xa282ead8. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** One record: u64 length, its masked CRC, the data, their masked CRC. */
export function encodeRecord(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(8 + 4 + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

/** The records of a file. A last one that was cut off is left out; a damaged one is an error naming file and byte. */
export function decodeRecords(bytes: Uint8Array, file: string): Uint8Array[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + 12 <= view.length;) {
    const length = Number(view.readBigUInt64LE(at));
    if (view.readUInt32LE(at + 8) !== maskedCrc32c(view.subarray(at, at + 8))) throw damaged(file, at);
    const end = at + 12 + length;
    if (end + 4 > view.length) break;
    const data = view.subarray(at + 12, end);
    if (view.readUInt32LE(end) !== maskedCrc32c(data)) throw damaged(file, at + 12);
    records.push(data);
    at = end + 4;
  }
  return records;
}

function damaged(file: string, byte: number): CheckpointError {
  return new CheckpointError(`${file}, byte ${byte}: Expected a record whose CRC-32C fits, got a damaged one`);
}
