import { describe, it } from 'vitest';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { expectSameOnNative, isBuilt, tensor } from '../onBoth.js';
import { filled, shape, SPECIAL } from '../arbitraries.js';

// Up to 4000 float32 additions against float64 ones.
const TOLERANCE = 1e-4;

const REDUCTIONS: [string, (x: tf.Tensor, axes?: number[], keepDims?: boolean) => tf.Tensor, number][] = [
  ['sum', tf.sum, TOLERANCE],
  ['mean', tf.mean, TOLERANCE],
  ['max', tf.max, 0],
  ['min', tf.min, 0],
];

describe.skipIf(!isBuilt)('the native reductions', () => {
  it.each(REDUCTIONS)('%s equals the cpu backend over any axes', async (_, operation, tolerance) => {
    const cases = shape(4)
      .filter((lengths) => lengths.length > 0)
      .chain((lengths) => fc.tuple(fc.constant(lengths), fc.subarray(lengths.map((_, axis) => axis)), fc.boolean()));
    await fc.assert(
      fc.asyncProperty(cases, ([lengths, axes, keepDims]) =>
        expectSameOnNative(() => operation(tensor(lengths), axes, keepDims), tolerance),
      ),
      { numRuns: 60 },
    );
  });

  it.each(REDUCTIONS)('%s of everything and of nothing equals the cpu backend', async (_, operation, tolerance) => {
    await expectSameOnNative(
      () => [operation(tensor([3, 5, 7])), operation(tensor([])), operation(tf.zeros([0, 3]), [0])],
      tolerance,
    );
  });

  it.each(REDUCTIONS)('%s lets NaN and infinity through', async (_, operation, tolerance) => {
    await expectSameOnNative(() => {
      const rows = tf.expandDims(tf.tensor1d(SPECIAL), 1);
      const padded = tf.concat([rows, tf.ones([SPECIAL.length, 4])], 1);
      return [operation(padded, [1]), operation(padded, [0])];
    }, tolerance);
  });

  it.each(REDUCTIONS)('%s leaves int32 and bool to the cpu kernel', async (_, operation) => {
    await expectSameOnNative(() =>
      operation(
        tf.tensor2d(
          [
            [1, 2],
            [3, 4],
          ],
          [2, 2],
          'int32',
        ),
        [1],
      ),
    );
  });

  it('softmax equals the cpu backend, whatever the rank and size', async () => {
    for (const lengths of [[1], [7], [33], [3, 65], [2, 3, 16], [4, 1], [0, 5]]) {
      await expectSameOnNative(() => tf.softmax(tensor(lengths, 1, 9)), 2e-6);
    }
    await expectSameOnNative(() => tf.softmax(filled([2, 4], [1, 2, 1000, -1000, 3, 5, 8, 0])()), 2e-6);
  });

  it('softmax and log-softmax do not see what a row has in common', async () => {
    const rows = filled([4, 2], [-1e9, -1e9, 1e8, 1e8, 1e5, 1e5 + 1, 1000, 1001]);
    await expectSameOnNative(() => [tf.softmax(rows()), tf.logSoftmax(rows())], 1e-6);
  });

  it('log-softmax equals the cpu backend', async () => {
    await expectSameOnNative(() => tf.logSoftmax(tensor([5, 33], 1, 9)), 1e-5);
  });
});
