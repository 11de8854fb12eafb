import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, type Kernel } from './kernel.js';

export type TopLogProbabilities = {
  /** [N, k] float32, descending */
  values: tf.Tensor2D;
  /** [N, k] int32 */
  ids: tf.Tensor2D;
};

/**
 * The k most probable classes of each row with the logarithms of their probabilities, which a beam search goes on with. Has no
 * gradient.
 *
 *     values_j = logits[ids_j] - log sum_v exp(logits_v)      the greatest first; of equal ones the lower id first
 *
 * A logit of -Infinity bans its class: its value is -Infinity, and it comes after all others; so do all of a row of nothing
 * else. Where a row has no distribution, because of NaN or +Infinity, its values are NaN and its ids 0 .. k - 1.
 *
 * logits [N, V] -> values [N, k], ids [N, k]
 */
export function topLogProbabilities(logits: tf.Tensor, k: number): TopLogProbabilities {
  assertType(logits, 'float32', 'logits');
  const { V } = assertShape(logits, ['N', 'V'], 'logits');
  if (!(Number.isInteger(k) && k >= 1 && k <= V)) {
    throw new ConfigError(expected('k', `an integer from 1 to ${V}, the number of classes`, k));
  }
  const [values, ids] = runKernel('CadenzaTopLogProbabilities', { logits }, { k });
  return { values: values as tf.Tensor2D, ids: ids as tf.Tensor2D };
}

export const topLogProbabilitiesKernel: Kernel = ({ inputs, attrs, backend }) => {
  const [N, V] = inputs.logits.shape;
  const { k } = attrs as { k: number };
  const logits = readFloats(backend, inputs.logits);
  const values = new Float32Array(N * k);
  const ids = new Int32Array(N * k);
  for (let n = 0; n < N; n++) {
    const row = logits.subarray(n * V, (n + 1) * V);
    const normalizer = logNormalizer(row);
    const best = Number.isNaN(normalizer) ? Array.from({ length: k }, (_, id) => id) : greatest(row, k);
    ids.set(best, n * k);
    const shift = normalizer === -Infinity ? 0 : normalizer;
    best.forEach((id, j) => (values[n * k + j] = row[id] - shift));
  }
  const idsInfo = { dataId: backend.write(ids, [N, k], 'int32'), shape: [N, k], dtype: 'int32' as const };
  return [makeOutput(backend, values, [N, k]), idsInfo];
};

/** log sum_v exp(x_v); -Infinity where all are, NaN where one is NaN or +Infinity. */
function logNormalizer(row: Float32Array): number {
  let largest = -Infinity;
  for (let v = 0; v < row.length; v++) largest = Math.max(largest, row[v]);
  if (largest === -Infinity) return largest;
  let sum = 0;
  for (let v = 0; v < row.length; v++) sum += Math.exp(row[v] - largest);
  return largest + Math.log(sum);
}

/** The positions of the k greatest, in descending order: of equal ones, the first are kept and come first. */
function greatest(row: Float32Array, k: number): number[] {
  const best: number[] = [];
  for (let v = 0; v < row.length; v++) {
    if (best.length === k && !(row[v] > row[best[k - 1]])) continue;
    if (best.length === k) best.pop();
    let place = best.length;
    while (place > 0 && row[v] > row[best[place - 1]]) place--;
    best.splice(place, 0, v);
  }
  return best;
}
