import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import {
  adamStep,
  consistencyLoss,
  dropout,
  dropoutMask,
  embeddingLookup,
  globalNorm,
  lerp,
  softmaxCrossEntropy,
  sumSquares,
} from '@cadenza/core';
import { computeOn, expectAgreement, expectSameOnNative, isBuilt, tensor } from '../onBoth.js';

// Exponentials by a float32 polynomial and sums in float32 against float64.
const TOLERANCE = 3e-6;

const integers = (values: number[], shape: number[]) => tf.tensor(Int32Array.from(values), shape, 'int32');

describe.skipIf(!isBuilt)('the native training kernels', () => {
  it('look embeddings up and scatter their gradient, repeated ids added', async () => {
    for (const [V, D] of [
      [1, 1],
      [7, 5],
      [33, 65],
    ]) {
      await expectSameOnNative(() => {
        const ids = integers(
          Array.from({ length: 14 }, (_, i) => (i * 5) % Math.min(V, 6)),
          [2, 7],
        );
        const table = tensor([V, D], 1);
        const lookup = (table: tf.Tensor) => embeddingLookup(table, ids);
        return [lookup(table), tf.grad((table) => tf.sum(tf.square(lookup(table))))(table)];
      }, TOLERANCE);
    }
  });

  it('refuse an id outside the embedding, naming it', async () => {
    await tf.setBackend('native');
    expect(() => tf.tidy(() => embeddingLookup(tensor([4, 3]), integers([0, -1], [2])))).toThrow(
      'got -1 at position 1',
    );
  });

  it.each([
    [1, 1],
    [7, 2],
    [33, 65],
    [5, 1031],
  ])('measure cross entropy over %i rows of %i, ignored labels too', async (N, V) => {
    await expectSameOnNative(() => {
      const labels = integers(
        Array.from({ length: N }, (_, n) => (n % 4 === 3 ? -1 : (n * 7) % V)),
        [N],
      );
      const logits = tensor([N, V], 1, 12);
      const loss = (logits: tf.Tensor) => softmaxCrossEntropy(logits, labels);
      return [loss(logits), tf.grad((logits) => tf.sum(tf.mul(loss(logits), tensor([N], 5))))(logits)];
    }, TOLERANCE);
  });

  it('smooth labels as the generic kernel does, and for a smoothing of 0 change no bit', async () => {
    const compute = (smoothing?: number) => () => {
      const labels = integers([0, -1, 6, 33, 64], [5]);
      const logits = tensor([5, 65], 3, 12);
      const loss = (logits: tf.Tensor) => softmaxCrossEntropy(logits, labels, { smoothing });
      return [loss(logits), tf.grad((logits) => tf.sum(tf.mul(loss(logits), tensor([5], 5))))(logits)];
    };
    for (const smoothing of [0.1, 0.9]) await expectSameOnNative(compute(smoothing), TOLERANCE);
    expectAgreement(await computeOn('native', compute(0)), await computeOn('native', compute()), 0);
  });

  it.each([
    [1, 1],
    [7, 2],
    [33, 65],
    [5, 1031],
  ])('measure how far two predictions of %i labels of %i classes are apart, ignored labels too', async (N, V) => {
    await expectSameOnNative(() => {
      const labels = integers(
        Array.from({ length: N }, (_, n) => (n % 4 === 3 ? -1 : 0)),
        [N],
      );
      const logits = tensor([2 * N, V], 1, 12);
      const loss = (logits: tf.Tensor) => consistencyLoss(logits, labels);
      return [loss(logits), tf.grad((logits) => tf.sum(tf.mul(loss(logits), tensor([N], 5))))(logits)];
      // Divergences of up to 12 times the terms of a cross entropy.
    }, 1e-5);
  });

  it('stay finite for logits that overflow exp', async () => {
    await expectSameOnNative(
      () =>
        softmaxCrossEntropy(
          tf.tensor2d([
            [1000, 0],
            [-1000, 0],
            [500, 499],
          ]),
          integers([1, 0, 0], [3]),
        ),
      TOLERANCE,
    );
  });

  it('refuse a label outside the logits, naming it', async () => {
    await tf.setBackend('native');
    expect(() => tf.tidy(() => softmaxCrossEntropy(tensor([2, 3]), integers([0, 3], [2])))).toThrow(
      'got 3 at position 1',
    );
  });

  it('drop the same elements as the generic kernel, bit for bit', async () => {
    for (const shape of [[1], [7], [5, 33], [2, 3, 17]]) {
      for (const rate of [0.1, 0.5, 0.9]) {
        await expectSameOnNative(() => dropout(tensor(shape), { rate, seed: [12345, 4294967295] }), 1e-7);
        await expectSameOnNative(() => dropoutMask(shape, { rate, seed: [1, 2] }), 1e-7);
        await expectSameOnNative(() => dropoutMask(shape, { rate, seed: [1, 2], scale: false }), 0);
      }
    }
    await expectSameOnNative(() => dropout(tensor([3, 5, 7]), { rate: 0.4, seed: [9, 9], locked: true }), 1e-7);
    await expectSameOnNative(
      () => tf.grad((x) => tf.sum(tf.square(dropout(x, { rate: 0.4, seed: [9, 9], locked: true }))))(tensor([3, 5, 7])),
      TOLERANCE,
    );
  });

  it('step Adam and AdamW as the generic kernel does', async () => {
    for (const size of [1, 33, 5000]) {
      for (const weightDecay of [0, 0.1]) {
        await expectSameOnNative(() => {
          const [parameter, gradient, m] = [tensor([size], 1), tensor([size], 2), tensor([size], 3, 0.1)];
          const v = tf.square(tensor([size], 4, 0.1));
          return Object.values(
            adamStep({ parameter, gradient, m, v, learningRate: 0.01, step: 3, weightDecay, gradientScale: 0.5 }),
          );
        }, TOLERANCE);
      }
    }
  });

  it('average weights as the generic kernel does', async () => {
    await expectSameOnNative(() => lerp(tensor([3, 33], 1), tensor([3, 33], 2), 0.01), TOLERANCE);
  });

  it('sum squares, with the same result for any number of threads', async () => {
    await expectSameOnNative(
      () => [sumSquares(tensor([1])), sumSquares(tensor([100003])), sumSquares(tf.zeros([0]))],
      TOLERANCE,
    );
    const norms: number[] = [];
    const { addon } = tf.engine().backend as unknown as { addon: { threads(): number; setThreads(n: number): void } };
    const threads = addon.threads();
    for (const count of [1, 2, 3]) {
      addon.setThreads(count);
      const [{ values }] = await computeOn('native', () => tf.scalar(globalNorm([tensor([200000], 7)])));
      norms.push(values[0]);
    }
    addon.setThreads(threads);
    expect(new Set(norms).size).toBe(1);
  });
});
