import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { embeddingLookup } from '../../src/ops/index.js';
import { distance, draw } from './recurrentCases.js';

describe('embeddingLookup', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([[[3]], [[2, 3]], [[2, 1, 4]]])('gathers rows for ids of shape %j and scatters their gradients', (shape) => {
    const { floats, integers } = draw(1);
    const table = floats([7, 5]);
    const ids = integers(shape, 7);
    const rows = embeddingLookup(table, ids);
    expect(rows.shape).toEqual([...shape, 5]);
    expect(distance(rows.dataSync(), tf.gather(table, ids).dataSync())).toBe(0);
    const dy = floats([...shape, 5]);
    const of = (lookup: (table: tf.Tensor) => tf.Tensor) => tf.grad((t) => tf.sum(tf.mul(lookup(t), dy)))(table);
    const got = of((t) => embeddingLookup(t, ids)).dataSync();
    // Sums of a few float32 numbers, in another order.
    expect(distance(got, of((t) => tf.gather(t, ids)).dataSync())).toBeLessThan(1e-6);
  });

  it('adds the gradients of an id that occurs twice', () => {
    const ids = tf.tensor1d([1, 1, 0], 'int32');
    const gradient = tf.grad((t) => tf.sum(embeddingLookup(t, ids)))(tf.zeros([3, 2]));
    expect([...gradient.dataSync()]).toEqual([1, 1, 2, 2, 0, 0]);
  });

  it('leaves no tensors behind, with gradients and without', () => {
    const [table, ids] = [tf.ones([3, 2]), tf.tensor1d([1, 1, 0], 'int32')];
    const before = tf.memory().numTensors;
    embeddingLookup(table, ids).dispose();
    tf.grad((t) => tf.sum(embeddingLookup(t, ids)))(table).dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names an id outside of the table and its position', () => {
    const table = tf.zeros([3, 2]);
    expect(() => embeddingLookup(table, tf.tensor1d([0, 3], 'int32'))).toThrow(
      'Expected ids to be of [0, 3), got 3 at position 1',
    );
    expect(() => embeddingLookup(table, tf.tensor1d([-1], 'int32'))).toThrow(/got -1 at position 0/);
    expect(() => embeddingLookup(table, tf.tensor1d([1]))).toThrow('Expected ids to be of type int32, got float32');
    expect(() => embeddingLookup(tf.zeros([3]), tf.tensor1d([1], 'int32'))).toThrow(/table to have shape \[V, D\]/);
  });
});
