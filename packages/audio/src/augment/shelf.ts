import { refuseUnknown } from '@cadenza/core';
import { assertNumber } from '../checks.js';

export interface ShelfOptions {
  /** In hertz: where the gain is half of it, in decibels. */
  frequency: number;
  /** Of the highest frequencies over the lowest, whose gain is 1. */
  decibels: number;
  sampleRate: number;
}

/**
 * The sound through a high shelf, duller or brighter, as of another microphone or room: a first-order filter
 *
 *     H(s) = (1 + g s / w) / (1 + s / (g w)) with g^2 the gain     at s = 0: 1, at s = infinity: g^2, at |s| = w: g in magnitude
 *
 * brought to samples by the bilinear transform, with the frequency prewarped (Zoelzer, "DAFX", chapter 2).
 */
export function shelve(samples: Float32Array, options: ShelfOptions): Float32Array {
  refuseUnknown('shelve', options, ['frequency', 'decibels', 'sampleRate']);
  const { frequency, decibels, sampleRate } = options;
  assertNumber('sampleRate', sampleRate, 1);
  assertNumber('frequency', frequency, 1, sampleRate / 2 - 1);
  assertNumber('decibels', decibels, -60, 60);
  const gain = 10 ** (decibels / 40); // the root of the whole gain
  const k = Math.tan((Math.PI * frequency) / sampleRate); // w of the bilinear transform
  const a0 = k + 1 / gain;
  const [b0, b1, a1] = [(k + gain) / a0, (k - gain) / a0, (k - 1 / gain) / a0];
  const result = new Float32Array(samples.length);
  let [before, after] = [0, 0];
  for (let n = 0; n < samples.length; n++) {
    after = b0 * samples[n] + b1 * before - a1 * after;
    before = samples[n];
    result[n] = after;
  }
  return result;
}
