import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';

/** Labels that count for nothing: loss 0, no gradient. */
export const IGNORED_LABEL = -1;

/**
 * Cross entropy of a softmax, per row and in nats, in one pass that never stores the probabilities.
 *
 *     logNormalizer = log sum_v exp(logits_v)      loss = logNormalizer - logits[label]
 *
 * logits [N, V], labels int32 [N] (-1 ignores the row) -> losses [N]
 */
export function softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor1D {
  assertType(logits, 'float32', 'logits');
  assertType(labels, 'int32', 'labels');
  assertShape(labels, ['N'], 'labels', assertShape(logits, ['N', 'V'], 'logits'));
  return tf.tidy('softmaxCrossEntropy', () => {
    const [losses] = differentiable(
      { logits, labels },
      (save) => {
        const [losses, logNormalizer] = runKernel('CadenzaSoftmaxCrossEntropy', { logits, labels }, {});
        save([logits, labels, logNormalizer]);
        return [losses];
      },
      ([dy], saved) => ({
        logits: runKernel(
          'CadenzaSoftmaxCrossEntropyGrad',
          { logits: saved[0], labels: saved[1], logNormalizer: saved[2], dy },
          {},
        )[0],
      }),
    );
    return losses as tf.Tensor1D;
  });
}

export const softmaxCrossEntropyKernel: Kernel = ({ inputs, backend }) => {
  const [N, V] = inputs.logits.shape;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const losses = new Float32Array(N);
  const logNormalizer = new Float32Array(N);
  for (let n = 0; n < N; n++) {
    const row = n * V;
    let largest = -Infinity;
    for (let v = 0; v < V; v++) if (logits[row + v] > largest) largest = logits[row + v];
    let sum = 0;
    for (let v = 0; v < V; v++) sum += Math.exp(logits[row + v] - largest);
    const normalizer = largest + Math.log(sum);
    logNormalizer[n] = normalizer;
    const label = checkLabel(labels[n], V, n);
    if (label !== IGNORED_LABEL) losses[n] = normalizer - logits[row + label];
  }
  return [makeOutput(backend, losses, [N]), makeOutput(backend, logNormalizer, [N])];
};

/** dlogits_v = dy (exp(logits_v - logNormalizer) - [v = label]) */
export const softmaxCrossEntropyGradKernel: Kernel = ({ inputs, backend }) => {
  const [N, V] = inputs.logits.shape;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const logNormalizer = readFloats(backend, inputs.logNormalizer);
  const dy = readFloats(backend, inputs.dy);
  const dlogits = new Float32Array(N * V);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const row = n * V;
    const scale = dy[n];
    const normalizer = logNormalizer[n];
    for (let v = 0; v < V; v++) dlogits[row + v] = scale * Math.exp(logits[row + v] - normalizer);
    dlogits[row + labels[n]] -= scale;
  }
  return makeOutput(backend, dlogits, [N, V]);
};

function checkLabel(label: number, V: number, position: number): number {
  if (!(label >= IGNORED_LABEL && label < V)) {
    throw new InputError(`Expected labels to be -1 or of [0, ${V}), got ${label} at position ${position}`, {
      code: 'ID',
    });
  }
  return label;
}
