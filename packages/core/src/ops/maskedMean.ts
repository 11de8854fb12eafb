import * as tf from '@tensorflow/tfjs-core';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';
import { IGNORED_LABEL } from './softmaxCrossEntropy.js';

/**
 * The mean of the losses of labels that count, added up in float64; 0 where none does.
 *
 * losses [N], labels int32 [N] (-1 counts for nothing) -> scalar
 */
export function maskedMean(losses: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  assertType(losses, 'float32', 'losses');
  assertType(labels, 'int32', 'labels');
  assertShape(labels, ['N'], 'labels', assertShape(losses, ['N'], 'losses'));
  return tf.tidy('maskedMean', () => {
    const [mean] = differentiable(
      { losses, labels },
      (save) => {
        save([labels]);
        return runKernel('CadenzaMaskedMean', { losses, labels }, {});
      },
      ([dy], [saved]) => ({ losses: runKernel('CadenzaMaskedMeanGrad', { labels: saved, dy }, {})[0] }),
    );
    return mean as tf.Scalar;
  });
}

export const maskedMeanKernel: Kernel = ({ inputs, backend }) => {
  const losses = readFloats(backend, inputs.losses);
  const labels = readIntegers(backend, inputs.labels);
  let sum = 0;
  for (let n = 0; n < labels.length; n++) if (labels[n] !== IGNORED_LABEL) sum += losses[n];
  return makeOutput(backend, Float32Array.of(sum / Math.max(1, countOf(labels))), []);
};

/** dlosses_n = dy / count, 0 for labels that do not count */
export const maskedMeanGradKernel: Kernel = ({ inputs, backend }) => {
  const labels = readIntegers(backend, inputs.labels);
  const share = readFloats(backend, inputs.dy)[0] / Math.max(1, countOf(labels));
  const dlosses = new Float32Array(labels.length);
  for (let n = 0; n < labels.length; n++) if (labels[n] !== IGNORED_LABEL) dlosses[n] = share;
  return makeOutput(backend, dlosses, [labels.length]);
};

function countOf(labels: Int32Array): number {
  let count = 0;
  for (let n = 0; n < labels.length; n++) if (labels[n] !== IGNORED_LABEL) count++;
  return count;
}
