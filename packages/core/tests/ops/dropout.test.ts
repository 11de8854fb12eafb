import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dropout, dropoutMask } from '../../src/ops/index.js';
import { philox4x32 } from '../../src/ops/philox.js';

describe('dropout', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('keeps an element exactly where its Philox word reaches the threshold', () => {
    const rate = 0.3;
    const y = dropout(tf.ones([10]), { rate, seed: [5, 6] }).dataSync();
    const block = new Uint32Array(4);
    for (let e = 0; e < 10; e++) {
      philox4x32(block, [Math.floor(e / 4), 0, 0, 0], [5, 6]);
      expect(y[e]).toBe(block[e % 4] >= Math.floor(rate * 2 ** 32) ? Math.fround(1 / 0.7) : 0);
    }
  });

  it('drops about its rate and keeps the mean, for any rate and key', () => {
    const word = fc.nat({ max: 0xffffffff });
    const property = fc.property(
      fc.double({ min: 0.01, max: 0.95, noNaN: true }),
      fc.tuple(word, word),
      (rate, seed) => {
        const mask = Float32Array.from(tf.tidy(() => dropoutMask([20_000], { rate, seed, scale: false }).dataSync()));
        const kept = mask.reduce((sum, value) => sum + value, 0) / mask.length;
        // Six standard deviations of a binomial of 20,000.
        expect(Math.abs(kept - (1 - rate))).toBeLessThan(6 * Math.sqrt((rate * (1 - rate)) / 20_000));
      },
    );
    fc.assert(property, { numRuns: 50 });
  });

  it('locked uses one mask for all steps, that of [B, D]', () => {
    const options = { rate: 0.5, seed: [1, 2] as [number, number] };
    const y = dropout(tf.ones([2, 3, 5]), { ...options, locked: true });
    const mask = dropoutMask([2, 5], options);
    for (const step of tf.unstack(y, 1)) expect([...step.dataSync()]).toEqual([...mask.dataSync()]);
  });

  it.each([false, true])('has the mask as its gradient (locked: %s)', (locked) => {
    const options = { rate: 0.4, seed: [3, 4] as [number, number], locked };
    const x = tf.randomNormal([2, 3, 4], 0, 1, 'float32', 5);
    const dy = tf.randomNormal([2, 3, 4], 0, 1, 'float32', 6);
    const gradient = tf.grad((t) => tf.sum(tf.mul(dropout(t, options), dy)))(x);
    const wanted = tf.mul(dropout(tf.ones([2, 3, 4]), options), dy);
    expect([...gradient.dataSync()]).toEqual([...wanted.dataSync()]);
  });

  it('is the identity at rate 0, gradient included', () => {
    const x = tf.tensor1d([1, -2, 3]);
    expect([...dropout(x, { rate: 0, seed: [1, 1] }).dataSync()]).toEqual([1, -2, 3]);
    expect([
      ...tf
        .grad((t) => tf.sum(dropout(t, { rate: 0, seed: [1, 1] })))(x)
        .dataSync(),
    ]).toEqual([1, 1, 1]);
    expect([...dropoutMask([3], { rate: 0, seed: [1, 1] }).dataSync()]).toEqual([1, 1, 1]);
  });

  it('leaves no tensor behind', () => {
    const x = tf.ones([2, 3, 4]);
    const before = tf.memory().numTensors;
    tf.dispose(dropout(x, { rate: 0.5, seed: [1, 2] }));
    tf.dispose(tf.grad((t) => tf.sum(dropout(t, { rate: 0.5, seed: [1, 2] })))(x));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses rates and shapes that it cannot take', () => {
    const x = tf.ones([4]);
    expect(() => dropout(x, { rate: 0.5, seed: [1, 2], lock: true } as never)).toThrow(
      'Expected an option that dropout knows, got lock; did you mean locked?',
    );
    expect(() => dropoutMask([4], { rate: 0.5, seed: [1, 2], scaled: false } as never)).toThrow(/dropoutMask knows/);
    expect(() => dropout(x, { rate: 1, seed: [1, 2] })).toThrow('Expected rate to be a number of [0, 1), got 1');
    expect(() => dropoutMask([4], { rate: NaN, seed: [1, 2] })).toThrow(
      'Expected rate to be a number of [0, 1), got NaN',
    );
    expect(() => dropout(x, { rate: 0.5, seed: [1, 2], locked: true })).toThrow(
      'Expected x to have shape [B, T, D], got [4]',
    );
    expect(() => dropout(tf.ones([4], 'int32'), { rate: 0.5, seed: [1, 2] })).toThrow(/float32, got int32/);
  });
});
