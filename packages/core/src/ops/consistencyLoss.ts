import * as tf from '@tensorflow/tfjs-core';
import { InputError, expected } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';
import { IGNORED_LABEL, logSumExp } from './softmaxCrossEntropy.js';

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
        const [losses, normalizers, divergence] = runKernel('CadenzaConsistency', { logits, labels }, {});
        save([logits, labels, normalizers, divergence]);
        return [losses];
      },
      ([dy], saved) => ({
        logits: runKernel(
          'CadenzaConsistencyGrad',
          { logits: saved[0], labels: saved[1], normalizers: saved[2], divergence: saved[3], dy },
          {},
        )[0],
      }),
    );
    return losses as tf.Tensor1D;
  });
}

/**
 * Gives besides, for the gradient, the normalizers of all rows as softmaxCrossEntropy does, [2, 2N], and KL(p||q), then KL(q||p), [2N];
 * 0 where ignored.
 */
export const consistencyKernel: Kernel = ({ inputs, backend }) => {
  const [rows, V] = inputs.logits.shape;
  const N = rows / 2;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const losses = new Float32Array(N);
  const normalizers = new Float32Array(2 * rows);
  const divergence = new Float32Array(rows);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const [a, b] = [n * V, (n + N) * V];
    for (const row of [n, n + N]) {
      [normalizers[row], normalizers[rows + row]] = logSumExp(logits, row * V, V);
    }
    const [normalizerP, normalizerQ] = [n, n + N].map((row) => normalizers[row] + normalizers[rows + row]);
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
    makeOutput(backend, normalizers, [2, rows]),
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
  const [logits, normalizers, divergence, dy] = ['logits', 'normalizers', 'divergence', 'dy'].map((name) =>
    readFloats(backend, inputs[name]),
  );
  const labels = readIntegers(backend, inputs.labels);
  const dlogits = new Float32Array(rows * V);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const [a, b] = [n * V, (n + N) * V];
    const half = dy[n] / 2;
    const [normalizerP, normalizerQ] = [n, n + N].map((row) => normalizers[row] + normalizers[rows + row]);
    for (let v = 0; v < V; v++) {
      const logP = logits[a + v] - normalizerP;
      const logQ = logits[b + v] - normalizerQ;
      const [p, q] = [Math.exp(logP), Math.exp(logQ)];
      dlogits[a + v] = half * (p * (logP - logQ - divergence[n]) + p - q);
      dlogits[b + v] = half * (q * (logQ - logP - divergence[n + N]) + q - p);
    }
  }
  return makeOutput(backend, dlogits, [rows, V]);
};
