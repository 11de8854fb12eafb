import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maskedMean } from '../../src/ops/index.js';

describe('maskedMean', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const losses = tf.tensor1d([1, 10, 3, 8]);
  const labels = tf.tensor1d([0, -1, 2, 5], 'int32');

  it('averages the losses whose label counts', () => {
    expect(maskedMean(losses, labels).dataSync()[0]).toBe(4);
  });

  it('gives each of them an equal share of the gradient, and the others none', () => {
    const gradient = tf.grad((x) => maskedMean(x, labels))(losses, tf.scalar(6));
    expect([...gradient.dataSync()]).toEqual([2, 0, 2, 2]);
  });

  it('is 0, with a gradient of 0, where no label counts', () => {
    const none = tf.fill([4], -1, 'int32');
    expect(maskedMean(losses, none).dataSync()[0]).toBe(0);
    expect([
      ...tf
        .grad((x) => maskedMean(x, none))(losses)
        .dataSync(),
    ]).toEqual([0, 0, 0, 0]);
  });

  it('lets no infinite loss in that does not count', () => {
    const mean = maskedMean(tf.tensor1d([1, Infinity]), tf.tensor1d([0, -1], 'int32'));
    expect(mean.dataSync()[0]).toBe(1);
  });

  it('refuses labels of another length', () => {
    expect(() => maskedMean(losses, tf.zeros([3], 'int32'))).toThrow('Expected labels to have shape [N=4], got [3]');
  });

  it('leaves one tensor', () => {
    const before = tf.memory().numTensors;
    maskedMean(losses, labels);
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});
