import { InputError } from '../errors.js';
import type { StepMatrix, WeightFormat } from './stepEngine.js';

/** The formats that weights may be asked for in. */
export const weightFormats: readonly WeightFormat[] = ['f32', 'bf16', 'int8'];

/** The largest magnitude of a quantised weight; -128 is left out, so that the range is symmetric. */
const LARGEST_INT8 = 127;

/**
 * Brings a matrix [rows, columns] into a format. bf16 rounds to the nearest, ties to even. int8 is symmetric with one scale for
 * each column, that is for each output unit, a row of the transposed matrix: s_c = max_r |w_rc| / 127 rounded up to 17 significant
 * bits, q_rc = round(w_rc / s_c). So short a scale makes every product q * s exact in float32, and quantising what was
 * quantised before changes nothing. Throws an {@link InputError} where int8 is to hold a weight that is not finite.
 */
export function packMatrix(values: Float32Array, columns: number, format: WeightFormat): StepMatrix {
  const rows = columns === 0 ? 0 : values.length / columns;
  if (!Number.isInteger(rows)) {
    throw new InputError(`Expected a matrix of ${columns} columns, got ${values.length} values`, { code: 'SHAPE' });
  }
  if (format === 'f32') return { format, rows, columns, values };
  if (format === 'bf16') return { format, rows, columns, values: toBfloat16(values) };
  const scales = columnScales(values, columns);
  const quantised = new Int8Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const scale = scales[index % columns];
    quantised[index] = scale === 0 ? 0 : clampInt8(Math.round(values[index] / scale));
  }
  return { format, rows, columns, values: quantised, scales };
}

/** The values that a matrix stands for, row-major. */
export function unpackMatrix(matrix: StepMatrix): Float32Array {
  if (matrix.format === 'f32') return matrix.values;
  if (matrix.format === 'bf16') return fromBfloat16(matrix.values);
  const { values, scales, columns } = matrix;
  return Float32Array.from(values, (value, index) => value * scales[index % columns]);
}

/** The matrix [columns, rows] of a matrix [rows, columns]. */
export function transposeValues<A extends Float32Array | Int8Array>(values: A, columns: number): A {
  const rows = values.length / columns;
  return values.map((_, index) => values[(index % rows) * columns + Math.floor(index / rows)]) as A;
}

/** The upper halves of float32 values, rounded to the nearest, ties to even; NaN stays NaN. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) {
    const word = bits[index];
    const isNan = (word & 0x7fffffff) > 0x7f800000;
    halves[index] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return halves;
}

/** bfloat16 is the upper half of a float32. */
export function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

function columnScales(values: Float32Array, columns: number): Float32Array {
  const scales = new Float32Array(columns);
  for (let index = 0; index < values.length; index++) {
    const size = Math.abs(values[index]);
    if (!(size < Infinity)) {
      throw new InputError(`Expected weights to be finite to become int8, got ${values[index]} at index ${index}`, {
        code: 'NON_FINITE',
      });
    }
    const column = index % columns;
    if (size > scales[column]) scales[column] = size;
  }
  for (let column = 0; column < columns; column++) scales[column] /= LARGEST_INT8;
  const bits = new Uint32Array(scales.buffer);
  // Of the 24 significant bits 17 stay, and with the 7 of 127 a product has 24 again.
  for (let column = 0; column < columns; column++) bits[column] = (bits[column] + 0x7f) & ~0x7f;
  return scales;
}

function clampInt8(value: number): number {
  return Math.max(-LARGEST_INT8, Math.min(LARGEST_INT8, value));
}
