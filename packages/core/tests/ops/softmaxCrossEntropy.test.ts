import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { softmaxCrossEntropy } from '../../src/ops/index.js';
import { distance, draw } from './recurrentCases.js';

describe('softmaxCrossEntropy', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [1, 2],
    [4, 7],
    [33, 3],
  ])('equals its definition in stock operations, gradient included, for [%i, %i]', (N, V) => {
    const { floats, integers } = draw(3);
    const logits = floats([N, V], 3);
    const labels = integers([N], V) as tf.Tensor1D;
    const dy = floats([N]);
    const reference = (l: tf.Tensor) =>
      tf.neg(tf.sum(tf.mul(tf.cast(tf.oneHot(labels, V), 'float32'), tf.logSoftmax(l)), 1));
    const got = softmaxCrossEntropy(logits, labels);
    // Logits of about 10 leave float32 about 1e-6.
    expect(distance(got.dataSync(), reference(logits).dataSync())).toBeLessThan(3e-6);
    const of = (f: (l: tf.Tensor) => tf.Tensor) =>
      tf
        .grad((l) => tf.sum(tf.mul(f(l), dy)))(logits)
        .dataSync();
    expect(
      distance(
        of((l) => softmaxCrossEntropy(l, labels)),
        of(reference),
      ),
    ).toBeLessThan(3e-6);
  });

  it.each([0.1, 0.9])('gives a share of %d of the label to all classes alike, gradient included', (smoothing) => {
    const [N, V] = [4, 7];
    const { floats, integers } = draw(3);
    const logits = floats([N, V], 3);
    const labels = integers([N], V) as tf.Tensor1D;
    const dy = floats([N]);
    const targets = tf.add(tf.mul(1 - smoothing, tf.cast(tf.oneHot(labels, V), 'float32')), smoothing / V);
    const reference = (l: tf.Tensor) => tf.neg(tf.sum(tf.mul(targets, tf.logSoftmax(l)), 1));
    const smoothed = (l: tf.Tensor) => softmaxCrossEntropy(l, labels, { smoothing });
    const of = (f: (l: tf.Tensor) => tf.Tensor) =>
      tf
        .grad((l) => tf.sum(tf.mul(f(l), dy)))(logits)
        .dataSync();
    expect(distance(smoothed(logits).dataSync(), reference(logits).dataSync())).toBeLessThan(3e-6);
    expect(distance(of(smoothed), of(reference))).toBeLessThan(3e-6);
  });

  it('is the same to the last bit without smoothing and with one of 0, infinite logits included', () => {
    const logits = tf.concat([draw(3).floats([2, 5], 3), tf.tensor2d([[-Infinity, 1, 2, 3, 4]])]);
    const labels = tf.tensor1d([0, -1, 1], 'int32');
    const both = [undefined, { smoothing: 0 }].map((options) => {
      const loss = (l: tf.Tensor) => softmaxCrossEntropy(l, labels, options);
      return [loss(logits), tf.grad((l) => tf.sum(loss(l)))(logits)].map((tensor) => [...tensor.dataSync()]);
    });
    expect(both[1]).toEqual(both[0]);
    expect(both[0].flat().every(Number.isFinite)).toBe(true);
  });

  it('is not changed by a constant in all logits, however large, and is log V for equal ones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.float({ min: -1e9, max: 1e9, noNaN: true }), (V, constant) => {
        tf.tidy(() => {
          const label = tf.tensor1d([V - 1], 'int32');
          const of = (logits: tf.Tensor) => tf.sum(softmaxCrossEntropy(logits, label)) as tf.Scalar;
          const { value, grad } = tf.valueAndGrad(of)(tf.fill([1, V], constant));
          expect(Math.abs(value.dataSync()[0] - Math.log(V))).toBeLessThan(1e-6);
          const share = Float32Array.from({ length: V }, (_, v) => 1 / V - (v === V - 1 ? 1 : 0));
          expect(distance(grad.dataSync(), share)).toBeLessThan(1e-6);
        });
      }),
    );
  });

  it('stays finite where exp would overflow', () => {
    const loss = softmaxCrossEntropy(tf.tensor2d([[500, -500]]), tf.tensor1d([1], 'int32'));
    expect(loss.dataSync()[0]).toBe(1000);
  });

  it('ignores label -1: no loss and no gradient', () => {
    const labels = tf.tensor1d([-1, 1], 'int32');
    const logits = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    expect(softmaxCrossEntropy(logits, labels).dataSync()[0]).toBe(0);
    for (const smoothing of [0, 0.1]) {
      const gradient = tf
        .grad((l) => tf.sum(softmaxCrossEntropy(l, labels, { smoothing })))(logits)
        .dataSync();
      expect([...gradient.subarray(0, 2)]).toEqual([0, 0]);
      expect(gradient[2]).toBeGreaterThan(0);
    }
  });

  it('leaves no tensor behind', () => {
    const logits = tf.ones([2, 3]);
    const labels = tf.tensor1d([0, 1], 'int32');
    const before = tf.memory().numTensors;
    tf.dispose(softmaxCrossEntropy(logits, labels));
    tf.dispose(tf.grad((l) => tf.sum(softmaxCrossEntropy(l, labels)))(logits));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names a label, a shape or an option that is wrong', () => {
    const logits = tf.ones([2, 3]);
    expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0, 3], 'int32'))).toThrow(
      'Expected labels to be -1 or of [0, 3), got 3 at position 1',
    );
    expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0, 1], 'int32'), { labelSmoothing: 0.1 } as never)).toThrow(
      'Expected an option that softmaxCrossEntropy knows, got labelSmoothing; did you mean smoothing?',
    );
    expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0], 'int32'))).toThrow(
      'Expected labels to have shape [N=2], got [1]',
    );
    expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0, 1]))).toThrow(
      'Expected labels to be of type int32, got float32',
    );
    for (const smoothing of [1, -0.1, NaN]) {
      expect(() => softmaxCrossEntropy(logits, tf.tensor1d([0, 1], 'int32'), { smoothing })).toThrow(
        `Expected smoothing to be a number of [0, 1), got ${smoothing}`,
      );
    }
  });
});
