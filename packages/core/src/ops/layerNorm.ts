import type { Floats } from './algebra.js';

/** Added to the variance, as in PyTorch and haste. */
export const LAYER_NORM_EPSILON = 1e-5;

/**
 * Layer normalisation of one row, in place (Ba, Kiros and Hinton 2016, equation 4), over `size` elements from `start`:
 *
 *     y = gain * (x - mean) / sqrt(variance + epsilon) + bias
 *
 * `norm` is [2, width], the gain and then the bias; the row uses their elements from `offset`.
 */
export function layerNormRow(
  row: Floats,
  start: number,
  size: number,
  norm: Floats,
  width: number = size,
  offset = 0,
): void {
  const { mean, scale } = statistics(row, start, size);
  for (let e = 0; e < size; e++) {
    row[start + e] = norm[offset + e] * (row[start + e] - mean) * scale + norm[width + offset + e];
  }
}

/**
 * The gradient of {@link layerNormRow}: `d` holds dy and receives dx; `raw` holds x as it was; dnorm gathers those of gain and bias, in float64.
 *
 *     u = dy * gain      dx = (u - mean(u) - xhat * mean(u * xhat)) / sqrt(variance + epsilon)
 */
export function layerNormRowGradient(
  d: Floats,
  raw: Floats,
  start: number,
  size: number,
  norm: Floats,
  dnorm: Float64Array,
  width: number = size,
  offset = 0,
  rawStart = start,
): void {
  const { mean, scale } = statistics(raw, rawStart, size);
  let sum = 0;
  let product = 0;
  for (let e = 0; e < size; e++) {
    const dy = d[start + e];
    const normalised = (raw[rawStart + e] - mean) * scale;
    dnorm[offset + e] += dy * normalised;
    dnorm[width + offset + e] += dy;
    const u = dy * norm[offset + e];
    sum += u;
    product += u * normalised;
    d[start + e] = u;
  }
  sum /= size;
  product /= size;
  for (let e = 0; e < size; e++) {
    const normalised = (raw[rawStart + e] - mean) * scale;
    d[start + e] = (d[start + e] - sum - normalised * product) * scale;
  }
}

function statistics(row: Floats, start: number, size: number): { mean: number; scale: number } {
  let mean = 0;
  for (let e = 0; e < size; e++) mean += row[start + e];
  mean /= size;
  let variance = 0;
  for (let e = 0; e < size; e++) variance += (row[start + e] - mean) ** 2;
  return { mean, scale: 1 / Math.sqrt(variance / size + LAYER_NORM_EPSILON) };
}
