import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { simpleRnn, softmaxCrossEntropy } from '@cadenza/core';
import { loadAddon } from '../../src/addon.js';
import { isBuilt } from '../onBoth.js';

/** 0.1 as float32, whose sums in a chain of float32 additions drift. */
const TENTH = Math.fround(0.1);
const MANY = 65_536;

const relativeError = (values: ArrayLike<number>, wanted: number): number =>
  Math.max(...Array.from(values, (value) => Math.abs(value / wanted - 1)));

describe.skipIf(!isBuilt).each(['avx512', 'avx2', 'baseline'])('sums of many numbers (%s)', (isa) => {
  const available = isBuilt && loadAddon().addon!.setIsa(isa);
  beforeAll(async () => {
    await tf.setBackend('native');
    if (available) loadAddon().addon!.setIsa(isa);
  });
  afterAll(() => void loadAddon().addon!.setIsa(''));

  it.skipIf(!available).each([
    [[200_000, 2], 0],
    [[50_000, 37], 0],
    [[2, 1_000_000], 1],
    [[3, 50_000, 5], 1],
  ])('of shape %j over axis %i stay exact to a rounding', (shape, axis) => {
    const sums = tf.tidy(() => tf.sum(tf.fill(shape, 0.1), axis).dataSync());
    expect(relativeError(sums, shape[axis] * TENTH)).toBeLessThan(1e-7);
    const means = tf.tidy(() => tf.mean(tf.fill(shape, 0.1), axis).dataSync());
    expect(relativeError(means, TENTH)).toBeLessThan(1e-7);
  });

  it.skipIf(!available)('may pass beyond float32 on the way', () => {
    tf.tidy(() => {
      expect(tf.sum([3e38, -3e38, 3e38, 1, 2, 3]).dataSync()[0]).toBeCloseTo(3e38, -33);
      expect(tf.sum([[3e38], [3e38], [-3e38]], 0).dataSync()[0]).toBeCloseTo(3e38, -33);
      expect(tf.mean([3e38, 3e38]).dataSync()[0]).toBeCloseTo(3e38, -33);
    });
  });

  it.skipIf(!available).each([1, 13, 200])('of rows of %i with the same id', (width) => {
    tf.tidy(() => {
      const ids = tf.zeros<tf.Rank.R1>([MANY], 'int32');
      const sums = tf.unsortedSegmentSum(tf.fill([MANY, width], 0.1), ids, 2).dataSync();
      expect(relativeError(sums.slice(0, width), MANY * TENTH)).toBeLessThan(1e-6);
      expect(sums.slice(width).every((value) => value === 0)).toBe(true);
    });
  });

  it.skipIf(!available)('of a bias’s gradient', () => {
    tf.tidy(() => {
      const H = 3;
      const [kernel, recurrentKernel] = [tf.zeros([1, H]), tf.zeros([H, H])];
      const output = (bias: tf.Tensor): tf.Tensor => {
        const call = { x: tf.zeros([MANY, 1, 1]), kernel, recurrentKernel, bias, activation: 'relu' as const };
        return tf.mul(tf.sum(simpleRnn(call).outputs), 0.1);
      };
      const gradient = tf
        .grad(output)(tf.ones([H]))
        .dataSync();
      expect(relativeError(gradient, MANY * TENTH)).toBeLessThan(1e-5);
    });
  });

  it.skipIf(!available)('of a softmax over many nearly equal logits', () => {
    const V = 262_144;
    tf.tidy(() => {
      const logits = tf.tensor2d(new Float32Array(V).fill(-0.1).fill(0, 0, 1), [1, V]);
      const exact = Math.log(1 + (V - 1) * Math.exp(-TENTH));
      const label = tf.tensor1d([0], 'int32');
      expect(softmaxCrossEntropy(logits, label).dataSync()[0]).toBeCloseTo(exact, 5);
      expect(tf.softmax(logits).dataSync()[0]).toBeCloseTo(Math.exp(-exact), 9);
      const smoothed = exact + 0.5 * (1 - 1 / V) * TENTH;
      expect(softmaxCrossEntropy(logits, label, { smoothing: 0.5 }).dataSync()[0]).toBeCloseTo(smoothed, 5);
    });
  });
});
