import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { globalNorm, sumSquares } from '../../src/ops/index.js';
import { draw } from './recurrentCases.js';

describe('sumSquares', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([0, 1, 4095, 4096, 4097, 10_000])('is the float64 sum of %i squares, chunk by chunk', (size) => {
    const x = draw(size).floats([size]);
    let wanted = 0;
    const values = Float32Array.from(x.dataSync());
    for (let start = 0; start < size; start += 4096) {
      wanted += values.slice(start, start + 4096).reduce((sum, value) => sum + value * value, 0);
    }
    expect(sumSquares(x).dataSync()[0]).toBe(Math.fround(wanted));
  });

  it('does not lose small numbers behind a large one, as a float32 sum would', () => {
    const x = tf.concat([tf.tensor1d([4096]), tf.ones([4000])]);
    expect(sumSquares(x).dataSync()[0]).toBe(4096 ** 2 + 4000);
  });

  it('has the gradient 2 x dy', () => {
    const gradient = tf.grad((x) => tf.mul(sumSquares(x), 3))(tf.tensor1d([1, -2]));
    expect([...gradient.dataSync()]).toEqual([6, -12]);
  });

  it('gives the norm of several tensors as one, and leaves nothing behind', () => {
    const tensors = [tf.tensor1d([3]), tf.tensor2d([[4], [12]])];
    const before = tf.memory().numTensors;
    expect(globalNorm(tensors)).toBe(13);
    expect(globalNorm([])).toBe(0);
    expect(tf.memory().numTensors).toBe(before);
  });
});
