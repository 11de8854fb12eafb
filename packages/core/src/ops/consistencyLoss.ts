import * as tf from '@tensorflow/tfjs-core';
import { InputError, expected } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';
import { IGNORED_LABEL } from './softmaxCrossEntropy.js';

/**
 * How far two predictions of the same label are apart, per label and in nats: the mean of the two Kullback-Leibler divergences
 * between the softmax p of row n and the softmax q of row n + N (R-Drop, Liang et al. 2021, equation 2).
 *
 *     KL(p||q) = sum_v p_v (log p_v - log q_v)
 *     loss     = (KL(p||q) + KL(q||p)) / 2 = sum_v (p_v - q_v) (log p_v - log q_v) / 2
 *
 * logits [2N, V], finite; labels int32 [N], of which only -1 matters, which ignores both rows -> losses [N]
 */
export function consistencyLoss(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor1D {
  assertType(logits, 'float32', 'logits');
  assertType(labels, 'int32', 'labels');
  const { N } = assertShape(labels, ['N'], 'labels');
  const { rows } = assertShape(logits, ['rows', 'V'], 'logits');
  if (rows !== 2 * N) throw new InputError(expected('logits', `two rows for each of ${N} labels`, rows));
  return tf.tidy('consistencyLoss', () => {
    const [losses] = differentiable(
      { logits, labels },
      (save) => {
        const [losses, logNormalizer, divergence] = runKernel('CadenzaConsistency', { logits, labels }, {});
        save([logits, labels, logNormalizer, divergence]);
        return [losses];
      },
      ([dy], saved) => ({
        logits: runKernel(
          'CadenzaConsistencyGrad',
          { logits: saved[0], labels: saved[1], logNormalizer: saved[2], divergence: saved[3], dy },
          {},
        )[0],
      }),
    );
    return losses as tf.Tensor1D;
  });
}

/** Gives besides, for the gradient, log sum_v exp(logits_v) of each row, [2N], and KL(p||q), then KL(q||p), [2N]; 0 where ignored. */
export const consistencyKernel: Kernel = ({ inputs, backend }) => {
  const [rows, V] = inputs.logits.shape;
  const N = rows / 2;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const losses = new Float32Array(N);
  const logNormalizer = new Float32Array(rows);
  const divergence = new Float32Array(rows);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const [a, b] = [n * V, (n + N) * V];
    const normalizerP = (logNormalizer[n] = logSumExp(logits, a, V));
    const normalizerQ = (logNormalizer[n + N] = logSumExp(logits, b, V));
    let pToQ = 0;
    let qToP = 0;
    for (let v = 0; v < V; v++) {
      const logP = logits[a + v] - normalizerP;
      const logQ = logits[b + v] - normalizerQ;
      pToQ += Math.exp(logP) * (logP - logQ);
      qToP += Math.exp(logQ) * (logQ - logP);
    }
    divergence[n] = pToQ;
    divergence[n + N] = qToP;
    losses[n] = (pToQ + qToP) / 2;
  }
  return [
    makeOutput(backend, losses, [N]),
    makeOutput(backend, logNormalizer, [rows]),
    makeOutput(backend, divergence, [rows]),
  ];
};

/**
 *     dlogits_n,v   = dy / 2 (p_v (log p_v - log q_v - KL(p||q)) + p_v - q_v)
 *     dlogits_n+N,v = dy / 2 (q_v (log q_v - log p_v - KL(q||p)) + q_v - p_v)
 */
export const consistencyGradKernel: Kernel = ({ inputs, backend }) => {
  const [rows, V] = inputs.logits.shape;
  const N = rows / 2;
  const [logits, logNormalizer, divergence, dy] = ['logits', 'logNormalizer', 'divergence', 'dy'].map((name) =>
    readFloats(backend, inputs[name]),
  );
  const labels = readIntegers(backend, inputs.labels);
  const dlogits = new Float32Array(rows * V);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const [a, b] = [n * V, (n + N) * V];
    const half = dy[n] / 2;
    for (let v = 0; v < V; v++) {
      const logP = logits[a + v] - logNormalizer[n];
      const logQ = logits[b + v] - logNormalizer[n + N];
      const [p, q] = [Math.exp(logP), Math.exp(logQ)];
      dlogits[a + v] = half * (p * (logP - logQ - divergence[n]) + p - q);
      dlogits[b + v] = half * (q * (logQ - logP - divergence[n + N]) + q - p);
    }
  }
  return makeOutput(backend, dlogits, [rows, V]);
};

function logSumExp(values: Float32Array, start: number, size: number): number {
  let largest = -Infinity;
  for (let e = start; e < start + size; e++) if (values[e] > largest) largest = values[e];
  let sum = 0;
  for (let e = start; e < start + size; e++) sum += Math.exp(values[e] - largest);
  return largest + Math.log(sum);
}
