import * as tf from '@tensorflow/tfjs-core';
import { InputError, expected } from '../errors.js';
import { flag, refuseUnknown } from '../options.js';
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
 * With `fixedTargets` each prediction is drawn to the other as it stands, which gets no gradient by being a target (the stop-gradient of
 * CR-CTC, Yao et al. 2025, equation 3): dlogits_n = dy / 2 (p - q), and dlogits_n+N = -dlogits_n.
 *
 * logits [2N, V], finite; labels int32 [N], of which only -1 matters, which ignores both rows -> losses [N]
 */
export function consistencyLoss(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: { fixedTargets?: boolean } = {},
): tf.Tensor1D {
  refuseUnknown('consistencyLoss', options, ['fixedTargets']);
  const fixedTargets = flag(options.fixedTargets, false, 'fixedTargets');
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
        logits: fixedTargets
          ? gradientToFixed(saved[0], saved[1], dy)
          : runKernel(
              'CadenzaConsistencyGrad',
              { logits: saved[0], labels: saved[1], normalizers: saved[2], divergence: saved[3], dy },
              {},
            )[0],
      }),
    );
    return losses as tf.Tensor1D;
  });
}

/** logits [2N, V], labels [N], dy [N] -> dlogits [2N, V] */
function gradientToFixed(logits: tf.Tensor, labels: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const counted = tf.cast(tf.notEqual(labels, tf.scalar(IGNORED_LABEL, 'int32')), 'float32');
  const half = tf.mul(tf.mul(dy, counted), 0.5); // [N]
  const [p, q] = tf.split(tf.softmax(logits), 2); // [N, V] each
  const dp = tf.mul(tf.sub(p, q), tf.expandDims(half, 1));
  return tf.concat([dp, tf.neg(dp)]);
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
