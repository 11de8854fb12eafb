import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { topLogProbabilities } from '../../src/ops/index.js';
import { distance, draw } from './recurrentCases.js';

/** The rows of values and ids. */
function rows(logits: tf.Tensor, k: number) {
  const { values, ids } = topLogProbabilities(logits, k);
  return { values: values.arraySync(), ids: ids.arraySync() };
}

describe('topLogProbabilities', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [1, 1, 1],
    [4, 7, 3],
    [3, 33, 33],
    [33, 65, 5],
  ])('equals the sorted log-softmax, for [%i, %i] and k = %i', (N, V, k) => {
    const logits = draw(3).floats([N, V], 3);
    const got = topLogProbabilities(logits, k);
    const wanted = tf.topk(tf.logSoftmax(logits), k);
    expect(got.values.shape).toEqual([N, k]);
    expect([...got.ids.dataSync()]).toEqual([...wanted.indices.dataSync()]);
    expect(got.ids.dtype).toBe('int32');
    // Logits of about 10 leave float32 about 1e-6.
    expect(distance(got.values.dataSync(), wanted.values.dataSync())).toBeLessThan(3e-6);
  });

  it('puts the lower id first where logits are equal, and sorts them all for k = V', () => {
    const logit = fc.constantFrom(-Infinity, -1, 0, 0.5, 2);
    const property = fc.property(fc.array(logit, { minLength: 1, maxLength: 20 }), (row) => {
      const ids = tf.tidy(() => rows(tf.tensor2d([row]), row.length).ids[0]);
      const sorted = row.map((_, id) => id).sort((a, b) => (row[a] === row[b] ? a - b : row[b] > row[a] ? 1 : -1));
      expect(ids).toEqual(sorted);
    });
    fc.assert(property);
  });

  it('keeps banned classes out until nothing else is left', () => {
    const { values, ids } = rows(tf.tensor2d([[-Infinity, 0, -Infinity, 0]]), 3);
    expect(ids).toEqual([[1, 3, 0]]);
    expect(values[0][2]).toBe(-Infinity);
    expect(distance(values[0].slice(0, 2), [-Math.LN2, -Math.LN2])).toBeLessThan(1e-7);
  });

  it('gives a row of nothing but banned classes -Infinity, and one without a distribution NaN', () => {
    const logits = tf.tensor2d([
      [-Infinity, -Infinity, -Infinity],
      [0, NaN, 3],
      [-Infinity, -Infinity, NaN],
      [1, Infinity, 2],
    ]);
    const { values, ids } = rows(logits, 2);
    expect(values).toEqual([[-Infinity, -Infinity], ...Array<number[]>(3).fill([NaN, NaN])]);
    expect(ids).toEqual(Array(4).fill([0, 1]));
  });

  it('stays finite where exp would overflow', () => {
    expect(rows(tf.tensor2d([[500, -500, 500]]), 3).values[0][2]).toBeCloseTo(-1000 - Math.LN2, 3);
  });

  it('takes no rows, and leaves no tensor but its two', () => {
    const logits = tf.ones([2, 3]);
    const before = tf.memory().numTensors;
    const result = topLogProbabilities(logits, 2);
    expect(tf.memory().numTensors).toBe(before + 2);
    tf.dispose(Object.values(result));
    expect(topLogProbabilities(tf.zeros([0, 3]), 2).ids.shape).toEqual([0, 2]);
  });

  it('names a shape, a type or a k that is wrong', () => {
    const logits = tf.ones([2, 3]);
    for (const k of [0, 4, 1.5, NaN]) {
      const message = `Expected k to be an integer from 1 to 3, the number of classes, got ${k}`;
      expect(() => topLogProbabilities(logits, k)).toThrow(message);
    }
    expect(() => topLogProbabilities(tf.ones([3]), 1)).toThrow('Expected logits to have shape [N, V], got [3]');
    expect(() => topLogProbabilities(tf.ones([2, 3], 'int32'), 1)).toThrow('Expected logits to be of type float32');
  });
});
