import { describe, it } from 'vitest';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { expectSameOnNative, isBuilt, tensor } from '../onBoth.js';
import { broadcastPair, floatTensor, SPECIAL } from '../arbitraries.js';

// One rounding to float32 of a float64 result on the cpu backend, a polynomial in float32 on the native one.
const TRANSCENDENTAL = 2e-6;
// The cpu backend rounds once, at the end; a native kernel after each of its one or two operations.
const ROUNDING = 3e-7;

const UNARY: [string, (x: tf.Tensor) => tf.Tensor, number][] = [
  ['tanh', tf.tanh, TRANSCENDENTAL],
  ['sigmoid', tf.sigmoid, TRANSCENDENTAL],
  ['relu', tf.relu, 0],
  ['exp', tf.exp, TRANSCENDENTAL],
  ['log', tf.log, TRANSCENDENTAL],
  ['sqrt', tf.sqrt, TRANSCENDENTAL],
  ['rsqrt', tf.rsqrt, TRANSCENDENTAL],
  ['square', tf.square, ROUNDING],
  ['neg', tf.neg, 0],
  ['abs', tf.abs, 0],
  ['reciprocal', tf.reciprocal, ROUNDING],
  ['step', (x) => tf.step(x, 0.5), 0],
];

const BINARY: [string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor][] = [
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', tf.div],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['squaredDifference', tf.squaredDifference],
];

describe.skipIf(!isBuilt)('the native elementwise kernels', () => {
  it.each(UNARY)('%s equals the cpu backend for any shape', async (_, operation, tolerance) => {
    await fc.assert(
      fc.asyncProperty(floatTensor(), (x) => expectSameOnNative(() => operation(x()), tolerance)),
      { numRuns: 40 },
    );
  });

  it.each(UNARY)(
    '%s treats NaN, infinities, zeros and extremes as the cpu backend does',
    async (_, operation, tolerance) => {
      await expectSameOnNative(() => operation(tf.tensor1d(SPECIAL)), tolerance);
    },
  );

  it('relu gives zero the sign that the cpu backend gives it', async () => {
    const signs = (): tf.Tensor => tf.div(1, tf.relu(tf.tensor1d([-0, 0, -1])));
    await expectSameOnNative(signs, 0);
  });

  it.each(BINARY)('%s equals the cpu backend for any two shapes that go together', async (_, operation) => {
    await fc.assert(
      fc.asyncProperty(broadcastPair(), ([a, b]) => expectSameOnNative(() => operation(a(), b()), ROUNDING)),
      { numRuns: 60 },
    );
  });

  it.each(BINARY)('%s treats NaN, infinities, zeros and extremes as the cpu backend does', async (_, operation) => {
    await expectSameOnNative(() => {
      const special = tf.tensor1d(SPECIAL);
      return operation(tf.expandDims(special, 0), tf.expandDims(special, 1));
    }, ROUNDING);
  });

  it.each(BINARY)('%s leaves int32 and bool to the cpu kernels', async (_, operation) => {
    await expectSameOnNative(() => [
      operation(tf.tensor1d([7, -3, 2], 'int32'), tf.tensor1d([2, 2, 5], 'int32')),
      operation(tf.tensor1d([7, -3, 2], 'int32'), tf.tensor1d([2.5, 2, 5])),
    ]);
  });

  it('broadcasts along interleaved axes of nine dimensions', async () => {
    await expectSameOnNative(() =>
      tf.add(tensor([2, 1, 2, 1, 2, 1, 2, 1, 3], 1), tensor([1, 3, 1, 2, 1, 2, 1, 2, 1], 2)),
    );
  });

  it('adds up any number of tensors', async () => {
    for (const count of [1, 2, 5]) {
      await expectSameOnNative(() => tf.addN(Array.from({ length: count }, (_, i) => tensor([3, 33], i + 1))), 1e-6);
    }
    await expectSameOnNative(() => tf.addN([tf.tensor1d([1, 2], 'int32'), tf.tensor1d([3, 4], 'int32')]));
  });

  it('splits large tensors between threads without a difference', async () => {
    await expectSameOnNative(() => tf.add(tensor([517, 1031], 1), tensor([1031], 2)), ROUNDING);
    await expectSameOnNative(() => tf.tanh(tensor([517, 1031], 3, 5)), TRANSCENDENTAL);
  });

  it('computes the gradients of an expression as the cpu backend does', async () => {
    await expectSameOnNative(() => {
      const [x, y] = [tensor([4, 7], 1), tensor([7], 2)];
      const f = (x: tf.Tensor, y: tf.Tensor) =>
        tf.sum(tf.mul(tf.relu(tf.sub(tf.tanh(x), y)), tf.sigmoid(tf.div(x, tf.add(tf.abs(y), 1)))));
      return tf.grads(f as never)([x, y]);
    }, 1e-5);
  });
});
