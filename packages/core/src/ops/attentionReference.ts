import * as tf from '@tensorflow/tfjs-core';
import type { AttentionOptions, AttentionResult } from './attention.js';

/** Weighs nothing: exp of it is 0, also less any score. */
const NOTHING = -1e9;

/** The attention of `attention` with stock operations: what the kernels are tested against. */
export function attentionReference(
  query: tf.Tensor,
  keys: tf.Tensor,
  values: tf.Tensor,
  { score, scale = 1, vector, lengths, heads = 1 }: AttentionOptions,
): AttentionResult {
  if (heads > 1) {
    const parts = [query, keys, values].map((rows) => tf.split(rows, heads, 2));
    const vectors = vector && tf.split(vector, heads);
    const found = parts[0].map((part, n) =>
      attentionReference(part, parts[1][n], parts[2][n], { score, scale, vector: vectors?.[n], lengths }),
    );
    const context = tf.concat(
      found.map((head) => head.context),
      2,
    );
    return { context, weights: tf.mean(tf.stack(found.map((head) => head.weights)), 0) as tf.Tensor3D };
  }
  const S = keys.shape[1]!;
  let scores: tf.Tensor; // [B, T, S]
  if (score === 'dot') {
    scores = tf.mul(scale, tf.matMul(query, keys, false, true));
  } else {
    const units = tf.tanh(tf.add(tf.expandDims(query, 2), tf.expandDims(keys, 1))); // [B, T, S, H]
    scores = tf.sum(tf.mul(vector!, units), 3);
  }
  const positions = tf.reshape(tf.range(0, S, 1, 'int32'), [1, 1, S]);
  const ends = lengths ? tf.reshape(lengths, [-1, 1, 1]) : tf.tensor3d([S], [1, 1, 1], 'int32');
  const counts = tf.cast(tf.less(positions, ends), 'float32'); // [B, 1, S], 1 where a position counts
  const weights = tf.mul(counts, tf.softmax(tf.add(scores, tf.mul(NOTHING, tf.sub(1, counts)))));
  return { context: tf.matMul(weights, values) as tf.Tensor3D, weights: weights as tf.Tensor3D };
}
