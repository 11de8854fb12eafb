import * as tf from '@tensorflow/tfjs-core';
import { LAYER_NORM_EPSILON } from './layerNorm.js';

/** What the references of all cells have in common. */
export interface ReferenceWalk {
  x: tf.Tensor;
  kernel: tf.Tensor;
  lengths?: tf.Tensor;
  reverse?: boolean;
  normInput?: tf.Tensor;
}

/** LN(x) = gain * (x - mean) / sqrt(variance + epsilon) + bias, over the last axis; `norm` is [2, size]. */
export function layerNormReference(x: tf.Tensor, norm: tf.Tensor | undefined): tf.Tensor {
  if (!norm) return x;
  const [gain, bias] = tf.unstack(norm);
  const { mean, variance } = tf.moments(x, -1, true);
  const normalised = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, LAYER_NORM_EPSILON)));
  return tf.add(tf.mul(gain, normalised), bias);
}

/** keep * before + (1 - keep) * after: zoneout with a mask, its expectation with a rate. */
export function zoneoutReference(
  before: tf.Tensor,
  after: tf.Tensor,
  mask: tf.Tensor | undefined,
  t: number,
  rate = 0,
): tf.Tensor {
  const keep = mask ? tf.unstack(mask, 1)[t] : tf.scalar(rate);
  return tf.add(tf.mul(keep, before), tf.mul(tf.sub(1, keep), after));
}

/**
 * Walks a sequence step by step with stock operations. `step` receives x_t W and the state, whose first tensor is h. At steps
 * beyond a row's length the state stays and the output is zero.
 */
export function walkReference(
  { x, kernel, lengths, reverse, normInput }: ReferenceWalk,
  start: tf.Tensor[],
  step: (xW: tf.Tensor, state: tf.Tensor[], t: number) => tf.Tensor[],
): { outputs: tf.Tensor; state: tf.Tensor[] } {
  const T = x.shape[1]!;
  // Sliced, since the gradient of tf.unstack fails on a single step.
  const stepOf = (t: number) => tf.reshape(tf.slice(x, [0, t], [-1, 1]), [x.shape[0], ...x.shape.slice(2)]);
  const outputs: tf.Tensor[] = [];
  let state = start;
  for (let n = 0; n < T; n++) {
    const t = reverse ? T - 1 - n : n;
    const product = x.dtype === 'int32' ? tf.gather(kernel, tf.cast(stepOf(t), 'int32')) : tf.matMul(stepOf(t), kernel);
    let next = step(layerNormReference(product, normInput), state, t);
    let output = next[0];
    if (lengths) {
      const valid = tf.expandDims(tf.cast(tf.greater(lengths, t), 'float32'), 1); // [B, 1]
      const before = state;
      output = tf.mul(valid, output);
      next = next.map((tensor, index) => tf.add(tf.mul(valid, tensor), tf.mul(tf.sub(1, valid), before[index])));
    }
    outputs[t] = output;
    state = next;
  }
  return { outputs: tf.stack(outputs, 1), state };
}
