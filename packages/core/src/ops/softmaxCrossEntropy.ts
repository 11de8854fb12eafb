import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import { refuseUnknown } from '../options.js';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';

/** Labels that count for nothing: loss 0, no gradient. */
export const IGNORED_LABEL = -1;

export interface CrossEntropyOptions {
  /** How much of each label's probability is given to all classes alike, of [0, 1). 0 when absent. */
  smoothing?: number;
}

/**
 * Cross entropy of a softmax, per row and in nats, in one pass that never stores the probabilities.
 *
 *     logNormalizer = log sum_v exp(logits_v)      loss = logNormalizer - logits[label]
 *
 * With label smoothing (Szegedy et al. 2016, section 7) the label's probability is 1 - smoothing, and every class, the label's
 * too, has smoothing / V more:
 *
 *     loss = (1 - smoothing) (logNormalizer - logits[label]) + smoothing (logNormalizer - mean_v logits_v)
 *
 * logits [N, V], labels int32 [N] (-1 ignores the row) -> losses [N]
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  options: CrossEntropyOptions = {},
): tf.Tensor1D {
  refuseUnknown('softmaxCrossEntropy', options, ['smoothing']);
  const { smoothing = 0 } = options;
  if (!(smoothing >= 0 && smoothing < 1)) {
    throw new ConfigError(expected('smoothing', 'a number of [0, 1)', smoothing));
  }
  assertType(logits, 'float32', 'logits');
  assertType(labels, 'int32', 'labels');
  assertShape(labels, ['N'], 'labels', assertShape(logits, ['N', 'V'], 'logits'));
  return tf.tidy('softmaxCrossEntropy', () => {
    const [losses] = differentiable(
      { logits, labels },
      (save) => {
        const [losses, normalizers] = runKernel('CadenzaSoftmaxCrossEntropy', { logits, labels }, { smoothing });
        save([logits, labels, normalizers]);
        return [losses];
      },
      ([dy], saved) => ({
        logits: runKernel(
          'CadenzaSoftmaxCrossEntropyGrad',
          { logits: saved[0], labels: saved[1], normalizers: saved[2], dy },
          { smoothing },
        )[0],
      }),
    );
    return losses as tf.Tensor1D;
  });
}

/**
 * Gives besides, for the gradient, the two parts of each row's logNormalizer, [2, N]: the greatest logit, and the logarithm of the sum
 * of exp(logit - greatest). In float32 their sum would lose the second beside a large first.
 */
export const softmaxCrossEntropyKernel: Kernel = ({ inputs, attrs, backend }) => {
  const [N, V] = inputs.logits.shape;
  const { smoothing } = attrs as unknown as Required<CrossEntropyOptions>;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const losses = new Float32Array(N);
  const normalizers = new Float32Array(2 * N);
  for (let n = 0; n < N; n++) {
    const row = n * V;
    const [greatest, logSum] = logSumExp(logits, row, V);
    normalizers[n] = greatest;
    normalizers[N + n] = logSum;
    const normalizer = greatest + logSum;
    const label = checkLabel(labels[n], V, n);
    if (label === IGNORED_LABEL) continue;
    const loss = normalizer - logits[row + label];
    losses[n] = smoothing === 0 ? loss : (1 - smoothing) * loss + smoothing * (normalizer - mean(logits, row, V));
  }
  return [makeOutput(backend, losses, [N]), makeOutput(backend, normalizers, [2, N])];
};

/** dlogits_v = dy (exp(logits_v - greatest - logSum) - (1 - smoothing) [v = label] - smoothing / V) */
export const softmaxCrossEntropyGradKernel: Kernel = ({ inputs, attrs, backend }) => {
  const [N, V] = inputs.logits.shape;
  const { smoothing } = attrs as unknown as Required<CrossEntropyOptions>;
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const normalizers = readFloats(backend, inputs.normalizers);
  const dy = readFloats(backend, inputs.dy);
  const dlogits = new Float32Array(N * V);
  for (let n = 0; n < N; n++) {
    if (labels[n] === IGNORED_LABEL) continue;
    const row = n * V;
    const scale = dy[n];
    const normalizer = normalizers[n] + normalizers[N + n];
    const share = smoothing / V;
    for (let v = 0; v < V; v++) dlogits[row + v] = scale * (Math.exp(logits[row + v] - normalizer) - share);
    dlogits[row + labels[n]] -= scale * (1 - smoothing);
  }
  return makeOutput(backend, dlogits, [N, V]);
};

/** The greatest of so many values, and the logarithm of the sum of exp(value - greatest): together log sum exp. */
export function logSumExp(values: Float32Array, start: number, size: number): [greatest: number, logSum: number] {
  let greatest = -Infinity;
  for (let e = start; e < start + size; e++) if (values[e] > greatest) greatest = values[e];
  let sum = 0;
  for (let e = start; e < start + size; e++) sum += Math.exp(values[e] - greatest);
  return [greatest, Math.log(sum)];
}

function mean(values: Float32Array, start: number, size: number): number {
  let sum = 0;
  for (let e = start; e < start + size; e++) sum += values[e];
  return sum / size;
}

function checkLabel(label: number, V: number, position: number): number {
  if (!(label >= IGNORED_LABEL && label < V)) {
    throw new InputError(`Expected labels to be -1 or of [0, ${V}), got ${label} at position ${position}`, {
      code: 'ID',
    });
  }
  return label;
}
