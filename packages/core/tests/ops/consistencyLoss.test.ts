import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { consistencyLoss } from '../../src/ops/index.js';
import { distance, draw } from './recurrentCases.js';

interface Case {
  name: string;
  shape: [number, number];
  labels: number[];
  logits: number[];
  dy: number[];
  losses: number[];
  dlogits: number[];
  dlogitsFixed: number[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/consistency.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

const gradient = (logits: tf.Tensor, labels: tf.Tensor, dy: tf.Tensor, options = {}) =>
  tf.grad((l) => tf.sum(tf.mul(consistencyLoss(l, labels, options), dy)))(logits);

describe('consistencyLoss', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(golden.cases)('gives the losses and gradients of PyTorch for $name', ({ shape, labels, ...numbers }) => {
    const logits = tf.tensor2d(numbers.logits, shape);
    const counted = tf.tensor1d(labels, 'int32');
    // PyTorch computed in float64; logits up to 60 have steps of 4e-6 in float32.
    expect(distance(consistencyLoss(logits, counted).dataSync(), numbers.losses)).toBeLessThan(1e-5);
    const dlogits = gradient(logits, counted, tf.tensor1d(numbers.dy)).dataSync();
    expect(distance(dlogits, numbers.dlogits)).toBeLessThan(1e-5);
    const fixed = { fixedTargets: true };
    expect(distance(consistencyLoss(logits, counted, fixed).dataSync(), numbers.losses)).toBeLessThan(1e-5);
    const toFixed = gradient(logits, counted, tf.tensor1d(numbers.dy), fixed).dataSync();
    expect(distance(toFixed, numbers.dlogitsFixed)).toBeLessThan(1e-6);
  });

  it.each([
    [1, 2],
    [4, 7],
    [33, 3],
  ])('equals its definition in stock operations, gradient included, for %i labels of %i classes', (N, V) => {
    const { floats } = draw(3);
    const [logits, dy] = [floats([2 * N, V], 3), floats([N])];
    const labels = tf.zeros([N], 'int32');
    const reference = (l: tf.Tensor) => {
      const [logP, logQ] = tf.split(tf.logSoftmax(l), 2);
      return tf.mul(tf.sum(tf.mul(tf.sub(tf.exp(logP), tf.exp(logQ)), tf.sub(logP, logQ)), 1), 0.5);
    };
    const wanted = tf.grad((l) => tf.sum(tf.mul(reference(l), dy)))(logits);
    // Divergences of about 10 leave float32 about 1e-6.
    expect(distance(consistencyLoss(logits, labels).dataSync(), reference(logits).dataSync())).toBeLessThan(5e-6);
    expect(distance(gradient(logits, labels, dy).dataSync(), wanted.dataSync())).toBeLessThan(5e-6);
  });

  it('has the gradient that finite differences show', () => {
    const [N, V] = [2, 4];
    const { floats } = draw(5);
    const [logits, dy] = [floats([2 * N, V]), floats([N])];
    const labels = tf.zeros([N], 'int32');
    const total = (values: Float32Array) =>
      tf.sum(tf.mul(consistencyLoss(tf.tensor2d(values, [2 * N, V]), labels), dy)).dataSync()[0];
    const values = logits.dataSync<'float32'>();
    const step = 1 / 64;
    const differences = Array.from(values, (_, index) => {
      const moved = [step, -step].map((by) => total(values.map((value, at) => (at === index ? value + by : value))));
      return (moved[0] - moved[1]) / (2 * step);
    });
    // The third derivative's part is about step^2 / 6 = 4e-5, rounding 1e-7 / step.
    expect(distance(gradient(logits, labels, dy).dataSync(), differences)).toBeLessThan(2e-4);
  });

  it('is 0, with a gradient of 0, where both rows predict the same', () => {
    const once = draw(7).floats([3, 5], 4);
    const shifted = tf.add(once, 2); // softmax does not see a constant
    const logits = tf.concat([once, shifted]);
    const labels = tf.zeros([3], 'int32');
    expect(Math.max(...consistencyLoss(logits, labels).dataSync().map(Math.abs))).toBeLessThan(1e-6);
    expect(
      Math.max(
        ...gradient(logits, labels, tf.ones([3]))
          .dataSync()
          .map(Math.abs),
      ),
    ).toBeLessThan(1e-6);
  });

  it('ignores both rows of label -1: no loss and no gradient', () => {
    const logits = draw(9).floats([4, 3], 2);
    const labels = tf.tensor1d([-1, 2], 'int32');
    const losses = consistencyLoss(logits, labels).dataSync();
    expect(losses[0]).toBe(0);
    expect(losses[1]).toBeGreaterThan(0);
    const rows = gradient(logits, labels, tf.ones([2])).arraySync() as number[][];
    expect([rows[0], rows[2]]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(rows[1].every((value) => value !== 0) && rows[3].every((value) => value !== 0)).toBe(true);
  });

  it('leaves no tensor behind', () => {
    const logits = draw(1).floats([4, 3]);
    const labels = tf.zeros([2], 'int32');
    const before = tf.memory().numTensors;
    tf.dispose(consistencyLoss(logits, labels));
    for (const fixedTargets of [false, true]) {
      tf.dispose(tf.grad((l) => tf.sum(consistencyLoss(l, labels, { fixedTargets })))(logits));
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names a shape or a type that is wrong', () => {
    const labels = tf.zeros([2], 'int32');
    expect(() => consistencyLoss(tf.ones([3, 5]), labels)).toThrow(
      'Expected logits to be two rows for each of 2 labels, got 3',
    );
    expect(() => consistencyLoss(tf.ones([4, 5]), tf.zeros([2]))).toThrow('Expected labels to be of type int32');
    expect(() => consistencyLoss(tf.ones([4, 5], 'int32'), labels)).toThrow('Expected logits to be of type float32');
    expect(() => consistencyLoss(tf.ones([4, 5]), labels, { fixedTarget: true } as never)).toThrow(/fixedTargets/);
  });
});
