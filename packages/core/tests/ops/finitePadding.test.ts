import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import '../../src/ops/index.js';
import { isPaddingFinite } from '../../src/ops/finitePadding.js';

describe('isPaddingFinite', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const lengths = () => tf.tensor1d([1, 3, 0], 'int32');
  /** [3, 3, 2] of ones, one of which is another number. */
  const features = (row: number, step: number, value: number): tf.Tensor => {
    const values = new Float32Array(18).fill(1);
    values[(row * 3 + step) * 2 + 1] = value;
    return tf.tensor3d(values, [3, 3, 2]);
  };

  it.each([NaN, Infinity, -Infinity])('sees %d beyond a row’s length, and nothing within it', (value) => {
    expect(isPaddingFinite(features(0, 1, value), lengths())).toBe(false);
    expect(isPaddingFinite(features(2, 0, value), lengths())).toBe(false);
    expect(isPaddingFinite(features(0, 0, value), lengths())).toBe(true);
    expect(isPaddingFinite(features(1, 2, value), lengths())).toBe(true);
  });

  it('leaves no tensors behind, and refuses lengths of other rows', () => {
    const [x, rows] = [features(0, 0, 1), lengths()];
    const before = tf.memory().numTensors;
    expect(isPaddingFinite(x, rows)).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
    expect(() => isPaddingFinite(x, tf.tensor1d([1, 2], 'int32'))).toThrow(
      'Expected lengths to have shape [B=3], got [2]',
    );
  });
});
