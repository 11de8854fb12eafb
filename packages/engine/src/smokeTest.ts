import * as tf from '@tensorflow/tfjs-core';
import { adamStep, lstm, softmaxCrossEntropy } from '@cadenza/core/browser';

/**
 * One training step of a very small network through Cadenza's operations on the active backend: forward, gradients, update.
 * Throws when the backend lacks a kernel, or when a result is not what it must be (the loss must fall).
 */
export function smokeTest(): void {
  const [B, T, V, H] = [2, 3, 4, 5];
  const losses = tf.tidy(() => {
    const values = (size: number, seed: number) =>
      Float32Array.from({ length: size }, (_, i) => Math.sin(seed + i * 1.7) / 2);
    const ids = tf.tensor(Int32Array.from([0, 1, 2, 3, 0, 1]), [B, T], 'int32');
    const labels = tf.tensor(Int32Array.from([1, 2, 3, 0, 1, 2]), [B * T], 'int32');
    let weights: tf.Tensor[] = [
      tf.tensor(values(V * 4 * H, 1), [V, 4 * H]),
      tf.tensor(values(H * 4 * H, 2), [H, 4 * H]),
      tf.tensor(values(4 * H, 3), [4 * H]),
      tf.tensor(values(H * V, 4), [H, V]),
      tf.tensor(values(V, 5), [V]),
    ];
    const loss = (...[kernel, recurrentKernel, bias, output, outputBias]: tf.Tensor[]) => {
      const { outputs } = lstm({ x: ids, kernel, recurrentKernel, bias });
      const logits = tf.add(tf.matMul(tf.reshape(outputs, [B * T, H]), output as tf.Tensor2D), outputBias);
      return tf.mean(softmaxCrossEntropy(logits, labels)) as tf.Scalar;
    };
    return [1, 2, 3].map((step) => {
      const { value, grads } = tf.valueAndGrads(loss)(weights);
      weights = weights.map((parameter, i) => {
        const zeros = tf.zerosLike(parameter);
        return adamStep({ parameter, gradient: grads[i], m: zeros, v: zeros, learningRate: 0.05, step }).parameter;
      });
      return value.dataSync()[0];
    });
  });
  if (!losses.every(Number.isFinite) || losses[2] >= losses[0]) {
    throw new Error(`its training step is wrong: losses ${losses.join(', ')}`);
  }
}
