import { refuseUnknown } from '@cadenza/core';
import type { Random } from '@cadenza/core';
import { assertInteger, assertNumber } from '../checks.js';
import { type FeatureMatrix, featureMatrix } from '../features/featureMatrix.js';

export interface SpecAugmentOptions {
  /** How many masks over time, and the largest width T of each in frames; 2 and 40 unless told. */
  timeMasks?: number;
  timeWidth?: number;
  /** No time mask is wider than this part p of the utterance; 0.2 unless told. */
  timePart?: number;
  /** How many masks over the features, and the largest width F of each; 2 and 6 unless told. */
  frequencyMasks?: number;
  frequencyWidth?: number;
  /** How far a point in time may be moved, W, in frames; 0 (unless told) leaves the time as it is. */
  warp?: number;
  /** What stands in a mask: the mean of the utterance's feature (unless told), or a number, 0 for normalised features. */
  fill?: 'mean' | number;
}

const optionNames: readonly (keyof SpecAugmentOptions)[] = [
  ...(['timeMasks', 'timeWidth', 'timePart', 'frequencyMasks', 'frequencyWidth', 'warp', 'fill'] as const),
];

/**
 * SpecAugment (Park et al. 2019, section 2): warps the time, then masks runs of features and of frames. A mask's width is
 * drawn from [0, F] (or [0, min(T, p F)]), its beginning from the places where it fits.
 *
 * @returns a new matrix of the same shape
 * @throws {ConfigError} for an option that is out of its range
 */
export function specAugment(features: FeatureMatrix, random: Random, options: SpecAugmentOptions = {}): FeatureMatrix {
  refuseUnknown('specAugment', options, optionNames);
  const { timeMasks = 2, timeWidth = 40, timePart = 0.2, frequencyMasks = 2, frequencyWidth = 6, warp = 0 } = options;
  for (const [name, value] of Object.entries({ timeMasks, timeWidth, frequencyMasks, frequencyWidth, warp })) {
    assertInteger(name, value, 0);
  }
  assertNumber('timePart', timePart, 0, 1);
  if (typeof options.fill === 'number') assertNumber('fill', options.fill, -Infinity);
  const { frames, dimension } = features;
  const result = warp > 0 ? warpTime(features, random, warp) : { ...features, values: features.values.slice() };
  const fill = fillValues(result, options.fill ?? 'mean');
  for (let mask = 0; mask < frequencyMasks; mask++) {
    const [from, to] = span(random, dimension, Math.min(frequencyWidth, dimension));
    for (let frame = 0; frame < frames; frame++) {
      for (let d = from; d < to; d++) result.values[frame * dimension + d] = fill[d];
    }
  }
  for (let mask = 0; mask < timeMasks; mask++) {
    const [from, to] = span(random, frames, Math.min(timeWidth, Math.floor(timePart * frames)));
    for (let frame = from; frame < to; frame++) result.values.set(fill, frame * dimension);
  }
  return result;
}

/** A run of at most `widest` out of `length` places. Draws two numbers whatever comes out. */
function span(random: Random, length: number, widest: number): [number, number] {
  const width = random.integer(widest + 1);
  const from = random.integer(Math.max(1, length - width + 1));
  return [from, Math.min(length, from + width)];
}

function fillValues({ values, frames, dimension }: FeatureMatrix, fill: 'mean' | number): Float32Array {
  const row = new Float32Array(dimension);
  if (typeof fill === 'number') return row.fill(fill);
  const sums = new Float64Array(dimension);
  for (let at = 0; at < values.length; at++) sums[at % dimension] += values[at];
  for (let d = 0; d < dimension; d++) row[d] = sums[d] / Math.max(1, frames);
  return row;
}

/**
 * Moves one frame, drawn from those at least W from the ends, by up to W frames to either side, and the others in
 * proportion, by linear interpolation along the time; the paper's warp, with the ends fixed.
 */
export function warpTime(features: FeatureMatrix, random: Random, reach: number): FeatureMatrix {
  const { values, frames, dimension } = features;
  if (frames <= 2 * reach + 1) return { ...features, values: values.slice() };
  const from = reach + random.integer(frames - 2 * reach);
  const to = Math.max(1, Math.min(frames - 2, from + random.integer(2 * reach + 1) - reach));
  const result = new Float32Array(values.length);
  for (let frame = 0; frame < frames; frame++) {
    const source = frame <= to ? (frame * from) / to : from + ((frame - to) * (frames - 1 - from)) / (frames - 1 - to);
    const before = Math.min(frames - 1, Math.floor(source));
    const after = Math.min(frames - 1, before + 1);
    const part = source - before;
    for (let d = 0; d < dimension; d++) {
      const value = values[before * dimension + d];
      result[frame * dimension + d] = value + part * (values[after * dimension + d] - value);
    }
  }
  return featureMatrix(result, dimension);
}
