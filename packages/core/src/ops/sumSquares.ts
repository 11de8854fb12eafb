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

/** The sums of the squares of each of n tensors, float32 [n], in one kernel, `CadenzaSquaredNorms` of x0, x1, ... No gradient. */
export function squaredNorms(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const inputs: Record<string, tf.Tensor> = {};
  tensors.forEach((tensor, index) => {
    assertType(tensor, 'float32', `x${index}`);
    inputs[`x${index}`] = tensor;
  });
  return runKernel('CadenzaSquaredNorms', inputs, { count: tensors.length })[0] as tf.Tensor1D;
}

/** The Euclidean norm of all elements of all tensors together, as clipping by global norm needs it. */
export function globalNorm(tensors: readonly tf.Tensor[]): number {
  const squares = squaredNorms(tensors);
  const total = squares.dataSync<'float32'>().reduce((sum, square) => sum + square, 0);
  squares.dispose();
  return Math.sqrt(total);
}

export const sumSquaresKernel: Kernel = ({ inputs, backend }) =>
  makeOutput(backend, Float32Array.of(sumOfSquares(readFloats(backend, inputs.x))), []);

export const squaredNormsKernel: Kernel = ({ inputs, attrs, backend }) => {
  const count = attrs.count as number;
  const sums = Float32Array.from({ length: count }, (_, index) =>
    sumOfSquares(readFloats(backend, inputs[`x${index}`])),
  );
  return makeOutput(backend, sums, [count]);
};

function sumOfSquares(x: Float32Array): number {
  let total = 0;
  for (let start = 0; start < x.length; start += SUM_CHUNK) {
    const end = Math.min(start + SUM_CHUNK, x.length);
    let sum = 0;
    for (let e = start; e < end; e++) sum += x[e] * x[e];
    total += sum;
  }
  return total;
}

export const sumSquaresGradient: tf.GradConfig = {
  kernelName: 'CadenzaSumSquares',
  inputsToSave: ['x'],
  gradFunc: (dy, saved) => ({ x: () => tf.mul(saved[0], tf.mul(2, dy as tf.Tensor)) }),
};
