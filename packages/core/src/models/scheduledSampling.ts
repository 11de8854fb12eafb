import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../random.js';

/**
 * Target inputs of which a share is what the model itself predicts after the true tokens before them: the second pass of parallel
 * scheduled sampling (Mihaylova and Martins 2019, "Scheduled Sampling for Transformers", section 3). The first pass, which
 * predicts, is computed here and takes no part in the gradient.
 *
 * @param batch inputs int32 [B, T], whose first column (bos) stays
 * @param predict the logits [B, T, V] after the given inputs
 * @param share how many of the tokens are replaced, of [0, 1]
 * @returns int32 [B, T]
 */
export function mixPredictions(
  batch: { inputs: tf.Tensor; targetLengths: tf.Tensor },
  predict: (ids: tf.Tensor) => tf.Tensor3D,
  share: number,
  random: Random,
): tf.Tensor {
  const [rows, time] = batch.inputs.shape as [number, number];
  const inputs = batch.inputs.dataSync().slice() as Int32Array;
  const lengths = batch.targetLengths.dataSync();
  const predicted = tf.tidy(() => tf.argMax(predict(batch.inputs), 2).dataSync().slice());
  for (let row = 0; row < rows; row++) {
    for (let t = 1; t < lengths[row]; t++) {
      if (random.next() < share) inputs[row * time + t] = predicted[row * time + t - 1];
    }
  }
  return tf.tensor2d(inputs, [rows, time], 'int32');
}
