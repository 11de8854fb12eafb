import { InputError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { featureMatrix, joinFeatures } from '../../src/index.js';

describe('featureMatrix', () => {
  it('counts the frames of its values, none among them', () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect(featureMatrix(values, 3)).toEqual({ values, frames: 2, dimension: 3 });
    expect(featureMatrix(new Float32Array(0), 3).frames).toBe(0);
  });

  it.each([4, 7, 0])('refuses six values as frames of %i', (dimension) => {
    expect(() => featureMatrix(new Float32Array(6), dimension)).toThrow(
      new InputError(`Expected frames of ${dimension} values, got 6 values in all`),
    );
  });
});

describe('joinFeatures', () => {
  it('puts rows one after another, and refuses those of another dimension', () => {
    const [one, other] = [featureMatrix(Float32Array.of(1, 2), 2), featureMatrix(Float32Array.of(3, 4, 5, 6), 2)];
    expect(joinFeatures([one, other], 2)).toEqual(featureMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), 2));
    expect(() => joinFeatures([one], 1)).toThrow('Expected features of dimension 1, got 2');
  });
});
