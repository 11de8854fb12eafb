import * as tf from '@tensorflow/tfjs-core';
import { assertType } from '../shapes.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, type Kernel } from './kernel.js';

/** Elements summed in one chunk; chunks are then added in order, so that threads do not change the result. */
export const SUM_CHUNK = 4096;

/** The sum of the squares of all elements, a float32 scalar, accumulated in float64 by chunks of 4096 in order. */
export function sumSquares(x: tf.Tensor): tf.Scalar {
  assertType(x, 'float32', 'x');
  return runKernel('CadenzaSumSquares', { x }, {})[0] as tf.Scalar;
}

/** The Euclidean norm of all elements of all tensors together, as clipping by global norm needs it. */
export function globalNorm(tensors: readonly tf.Tensor[]): number {
  let total = 0;
  for (const tensor of tensors) {
    const sum = sumSquares(tensor);
    total += sum.dataSync()[0];
    sum.dispose();
  }
  return Math.sqrt(total);
}

export const sumSquaresKernel: Kernel = ({ inputs, backend }) => {
  const x = readFloats(backend, inputs.x);
  let total = 0;
  for (let start = 0; start < x.length; start += SUM_CHUNK) {
    const end = Math.min(start + SUM_CHUNK, x.length);
    let sum = 0;
    for (let e = start; e < end; e++) sum += x[e] * x[e];
    total += sum;
  }
  return makeOutput(backend, Float32Array.of(total), []);
};

export const sumSquaresGradient: tf.GradConfig = {
  kernelName: 'CadenzaSumSquares',
  inputsToSave: ['x'],
  gradFunc: (dy, saved) => ({ x: () => tf.mul(saved[0], tf.mul(2, dy as tf.Tensor)) }),
};
