import { CheckpointError, expected, InputError } from '../errors.js';
import { parseHeader, type HeaderEntry } from './safetensorsHeader.js';
import { decodeValues, littleEndian } from './safetensorsValues.js';
import type { StoredTensor, TensorData } from './tensorData.js';

const typeNames = { float32: 'F32', int32: 'I32', bool: 'BOOL', bfloat16: 'BF16', int8: 'I8' } as const;
const arrayTypes = {
  ...{ float32: Float32Array, int32: Int32Array, bool: Uint8Array },
  ...{ bfloat16: Uint16Array, int8: Int8Array },
} as const;

/** A file's tensors, in its order, and its free text. */
export interface Safetensors {
  tensors: Map<string, TensorData>;
  metadata: Record<string, string>;
}

/**
 * The bytes of a safetensors file, in pieces so that no second copy of the weights is made: u64 little-endian header length, JSON
 * header padded with spaces to a multiple of 8, then the values, little-endian and row-major, without holes. An {@link InputError} names a
 * tensor whose values are not of its type or shape.
 */
export function* encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Record<string, string> = {},
): Generator<Uint8Array> {
  const entries: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) entries.__metadata__ = metadata;
  let offset = 0;
  for (const [name, tensor] of tensors) checkTensor(name, tensor);
  for (const [name, { dtype, shape, values }] of inAlignedOrder(tensors)) {
    if (name === '__metadata__') throw new CheckpointError('Expected a tensor name, got the reserved __metadata__');
    entries[name] = { dtype: typeNames[dtype], shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const padding = (8 - (json.length % 8)) % 8;
  const header = new Uint8Array(8 + json.length + padding).fill(0x20); // spaces
  new DataView(header.buffer).setBigUint64(0, BigInt(json.length + padding), true);
  header.set(json, 8);
  yield header;
  for (const [, { values }] of inAlignedOrder(tensors)) yield littleEndian(values);
}

function checkTensor(name: string, { dtype, shape, values }: StoredTensor): void {
  const types = Object.keys(typeNames);
  if (!types.includes(dtype))
    throw new InputError(expected(`the type of ${name}`, `one of ${types.join(', ')}`, dtype));
  const array = arrayTypes[dtype];
  if (!(values instanceof array)) {
    const got = (values as { constructor?: { name: string } } | undefined)?.constructor?.name;
    throw new InputError(expected(`the ${dtype} values of ${name}`, `a ${array.name}`, got));
  }
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (values.length !== size) {
    throw new InputError(expected(`the values of ${name} [${shape.join(', ')}]`, `${size} numbers`, values.length));
  }
}

/** The widest types first, so that every value lies at a multiple of its size. */
function inAlignedOrder(tensors: ReadonlyMap<string, StoredTensor>): [string, StoredTensor][] {
  const size = ([, { values }]: [string, StoredTensor]): number => values.BYTES_PER_ELEMENT;
  return Array.from(tensors).sort((a, b) => size(b) - size(a));
}

/**
 * Reads the bytes of a safetensors file. F64, F16 and BF16 become float32; integers become int32 where their values fit. Throws
 * a {@link CheckpointError} that names the file and the byte at which it is wrong.
 *
 * @param file how errors call it
 */
export function decodeSafetensors(bytes: Uint8Array, file: string): Safetensors {
  const { entries, metadata, dataStart } = parseHeader(bytes, file);
  const tensors = new Map<string, TensorData>();
  for (const entry of entries) tensors.set(entry.name, readEntry(bytes, dataStart, entry, file));
  return { tensors, metadata };
}

function readEntry(bytes: Uint8Array, dataStart: number, entry: HeaderEntry, file: string): TensorData {
  const { name, dtype, shape, begin, end } = entry;
  // A copy: it is aligned whatever the header's length, and lets go of the file. (A Buffer's own `slice` copies nothing.)
  const raw = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
  const problem = (index: number, size: number, what: string): CheckpointError =>
    new CheckpointError(`${file}, byte ${dataStart + begin + index * size}: Expected ${name} to ${what}`);
  return { shape, ...decodeValues(dtype, raw, problem) };
}
