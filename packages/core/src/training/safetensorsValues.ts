import { fromBfloat16 } from '../decoding/stepMatrix.js';
import type { StoredTensor, TensorData } from './tensorData.js';

/** The types that can be read, and the bytes of one value. */
export const typeSizes = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type SafetensorsType = keyof typeof typeSizes;

/** Makes an error about the value at an index, values being `size` bytes long. */
type Problem = (index: number, size: number, what: string) => Error;

const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The bytes of values in little-endian order; a view of the values where the machine has that order itself. */
export function littleEndian(values: StoredTensor['values']): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return hostIsLittleEndian ? bytes : swapped(bytes, values.BYTES_PER_ELEMENT);
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let index = 0; index < bytes.length; index++) {
    out[index] = bytes[index - (index % size) + size - 1 - (index % size)];
  }
  return out;
}

/** Values of any readable type as one of TensorFlow.js's. @param raw the values' own, aligned bytes */
export function decodeValues(type: SafetensorsType, raw: Uint8Array, problem: Problem): Omit<TensorData, 'shape'> {
  const size = typeSizes[type];
  const { buffer, byteOffset, byteLength } = hostIsLittleEndian ? raw : swapped(raw, size);
  const count = byteLength / size;
  const at = [buffer, byteOffset, count] as const;
  switch (type) {
    case 'F32':
      return { dtype: 'float32', values: new Float32Array(...at) };
    case 'F64':
      return { dtype: 'float32', values: Float32Array.from(new Float64Array(...at)) };
    case 'F16':
      return { dtype: 'float32', values: Float32Array.from(new Uint16Array(...at), halfToNumber) };
    case 'BF16':
      return { dtype: 'float32', values: fromBfloat16(new Uint16Array(...at)) };
    case 'I32':
      return { dtype: 'int32', values: new Int32Array(...at) };
    case 'BOOL':
      return { dtype: 'bool', values: booleans(new Uint8Array(...at), problem) };
    default:
      return { dtype: 'int32', values: integers(type, at, problem) };
  }
}

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function booleans(bytes: Uint8Array, problem: Problem): Uint8Array {
  const wrong = bytes.findIndex((byte) => byte > 1);
  if (wrong >= 0) throw problem(wrong, 1, `hold bytes of 0 or 1, got ${bytes[wrong]}`);
  return bytes;
}

const integerArrays = {
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  U16: Uint16Array,
  U32: Uint32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
};

function integers(
  type: keyof typeof integerArrays,
  at: readonly [ArrayBufferLike, number, number],
  problem: Problem,
): Int32Array {
  const source = new integerArrays[type](...(at as readonly [ArrayBuffer, number, number]));
  const out = new Int32Array(source.length);
  for (let index = 0; index < out.length; index++) {
    const value = source[index];
    out[index] = Number(value);
    if (BigInt(out[index]) !== BigInt(value)) {
      throw problem(index, typeSizes[type], `hold values that fit 32 bits, got ${value}`);
    }
  }
  return out;
}
