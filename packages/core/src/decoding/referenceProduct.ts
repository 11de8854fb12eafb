import type { StepMatrix } from './stepEngine.js';
import { fromBfloat16 } from './stepMatrix.js';

/** A matrix as the reference multiplies by it: bf16 is float32 again. */
export type ReferenceMatrix = Exclude<StepMatrix, { format: 'bf16' }>;

export function referenceMatrix(matrix: StepMatrix): ReferenceMatrix {
  if (matrix.format !== 'bf16') return matrix;
  return { ...matrix, format: 'f32', values: fromBfloat16(matrix.values) };
}

/** Row r of a matrix, as numbers. */
export function rowOf(matrix: ReferenceMatrix, row: number): Float32Array {
  const { columns } = matrix;
  const values = matrix.values.subarray(row * columns, (row + 1) * columns);
  if (matrix.format === 'f32') return values as Float32Array;
  return Float32Array.from(values, (value, column) => value * matrix.scales[column]);
}

/**
 * x W, [columns]. int8: x is quantised too, as a whole and symmetrically, s = max|x| / 127 and q = round(x / s) with ties to even;
 * the sums are of whole numbers, y_c = s * s_c * sum_r q_r w_rc.
 */
export function referenceProduct(x: Float32Array, matrix: ReferenceMatrix): Float32Array {
  const { rows, columns, values } = matrix;
  const int8 = matrix.format === 'int8';
  const scale = int8 ? Math.fround(x.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) / 127) : 1;
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const factor = int8 ? (scale === 0 ? 0 : roundHalfToEven(x[row] / scale)) : x[row];
    if (factor === 0) continue;
    const start = row * columns;
    for (let column = 0; column < columns; column++) sums[column] += factor * values[start + column];
  }
  if (!int8) return Float32Array.from(sums);
  return Float32Array.from(sums, (sum, column) => sum * scale * matrix.scales[column]);
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
