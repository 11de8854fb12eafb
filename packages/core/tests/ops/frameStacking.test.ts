import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stackedLength, stackFrames } from '../../src/ops/index.js';
import { draw } from './recurrentCases.js';

const [B, F, D] = [2, 7, 3];
const lengths = [7, 4];

/** Its definition as plain loops. */
function reference(values: ArrayLike<number>, size: number, stride: number): number[] {
  const out: number[] = [];
  for (let b = 0; b < B; b++) {
    for (let first = 0; first < F; first += stride) {
      for (let f = first; f < first + size; f++) {
        for (let d = 0; d < D; d++) out.push(f < lengths[b] ? values[(b * F + f) * D + d] : 0);
      }
    }
  }
  return out;
}

describe('stackFrames', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [1, 3],
    [2, 3],
    [3, 1],
    [3, 2],
    [8, 3],
  ])('puts %i frames side by side every %i, whatever the padding holds', (size, stride) => {
    const features = draw(1).floats([B, F, D]);
    const values = Float32Array.from(features.dataSync());
    const spoiled = Float32Array.from(values, (x, e) =>
      e % (F * D) >= lengths[Math.floor(e / (F * D))] * D ? NaN : x,
    );
    const frameLengths = tf.tensor1d(lengths, 'int32');
    const got = stackFrames(tf.tensor3d(spoiled, [B, F, D]), frameLengths, { size, stride });
    expect(got.stacked.shape).toEqual([B, Math.ceil(F / stride), size * D]);
    expect([...got.stacked.dataSync()]).toEqual(reference(values, size, stride));
    expect([...got.lengths.dataSync()]).toEqual(lengths.map((length) => stackedLength(length, { size, stride })));
  });

  it('gives the gradient back to each frame as often as it was taken', () => {
    const frameLengths = tf.tensor1d(lengths, 'int32');
    const gradient = tf.grad((x) => tf.sum(stackFrames(x, frameLengths, { size: 3, stride: 2 }).stacked))(
      tf.ones([B, F, D]),
    );
    const perFrame = tf.slice(gradient, [0, 0, 0], [B, F, 1]).dataSync();
    expect([...perFrame]).toEqual([1, 1, 2, 1, 2, 1, 2, 1, 1, 2, 1, 0, 0, 0]);
  });

  it('leaves no tensor behind but its results', () => {
    const features = tf.ones([B, F, D]);
    const frameLengths = tf.tensor1d(lengths, 'int32');
    const before = tf.memory().numTensors;
    const { stacked, lengths: stackedLengths } = stackFrames(features, frameLengths, { size: 2 });
    tf.dispose([stacked, stackedLengths]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what is wrong', () => {
    const frameLengths = tf.tensor1d(lengths, 'int32');
    const features = tf.ones([B, F, D]);
    expect(() => stackFrames(features, frameLengths, { size: 0 })).toThrow(
      'Expected size to be a positive integer, got 0',
    );
    expect(() => stackFrames(features, frameLengths, { size: 2, step: 1 } as never)).toThrow(
      'Expected an option that stackFrames knows, got step',
    );
    expect(() => stackedLength(5, { size: 2, step: 1 } as never)).toThrow(/stackedLength knows/);
    expect(() => stackedLength(5, { size: 2, stride: 1.5 })).toThrow(
      'Expected stride to be a positive integer, got 1.5',
    );
    expect(() => stackFrames(tf.ones([B, F]), frameLengths, { size: 2 })).toThrow(
      'Expected features to have shape [B, F, D], got [2, 7]',
    );
  });
});
