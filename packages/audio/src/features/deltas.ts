import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import { assertInteger, assertOneOf } from '../checks.js';
import { type FeatureMatrix, featureMatrix } from './featureMatrix.js';

export interface DeltaOptions {
  /** Frames to either side, N; 2 unless told. librosa's `width` is 2N + 1. */
  reach?: number;
  /** 1 (unless told) for the slope, 2 for the curvature by a parabola (librosa's `order=2`). */
  order?: 1 | 2;
  /**
   * Beyond the ends: the first and last frame go on (`repeat`: HTK, Kaldi, python_speech_features, torchaudio), or the
   * outermost N frames have the polynomial of the outermost 2N + 1 (`fit`: librosa's default).
   */
  edges?: 'repeat' | 'fit';
}

/**
 * How fast each feature changes: the derivative of the polynomial that fits the 2N + 1 frames around a frame best in the
 * least squares sense (Savitzky and Golay 1964). For order 1 it is
 * d[t] = sum_n n (c[t+n] - c[t-n]) / (2 sum_n n^2), n = 1 .. N (HTK Book, equation 5.16). HTK's accelerations are the
 * deltas of deltas: see {@link appendDeltas}.
 *
 * @returns `[F, D]`
 * @throws {ConfigError} for `fit` with fewer than 2N + 1 frames, and for wrong options
 */
export function deltas(features: FeatureMatrix, options: DeltaOptions = {}): FeatureMatrix {
  refuseUnknown('deltas', options, ['reach', 'order', 'edges']);
  const { reach = 2, order = 1, edges = 'repeat' } = options;
  assertInteger('reach', reach, 1);
  assertOneOf('order', order, [1, 2]);
  assertOneOf('edges', edges, ['repeat', 'fit']);
  const { values, frames, dimension } = features;
  if (edges === 'fit' && frames < 2 * reach + 1) {
    throw new ConfigError(expected("frames with edges 'fit'", `at least ${2 * reach + 1}`, frames));
  }
  const weights = derivativeWeights(reach, order);
  const result = new Float32Array(values.length);
  for (let frame = 0; frame < frames; frame++) {
    // The derivative of as high an order as the polynomial's degree is the same all over its window.
    const centre = edges === 'fit' ? Math.max(reach, Math.min(frames - 1 - reach, frame)) : frame;
    for (let d = 0; d < dimension; d++) {
      let sum = 0;
      for (let n = -reach; n <= reach; n++) {
        const row = Math.max(0, Math.min(frames - 1, centre + n));
        sum += weights[n + reach] * values[row * dimension + d];
      }
      result[frame * dimension + d] = sum;
    }
  }
  return featureMatrix(result, dimension);
}

/** The weights of the frames -N .. N: for order 1 proportional to n, for order 2 to n^2 less its mean. */
function derivativeWeights(reach: number, order: 1 | 2): Float64Array {
  const count = 2 * reach + 1;
  const places = Float64Array.from({ length: count }, (_, index) => index - reach);
  const squares = places.reduce((sum, n) => sum + n * n, 0);
  if (order === 1) return places.map((n) => n / squares);
  const centred = places.map((n) => n * n - squares / count);
  const norm = centred.reduce((sum, value) => sum + value * value, 0);
  return centred.map((value) => (2 * value) / norm);
}

/**
 * Features with their deltas, and with `times` 2 (unless told) the deltas of those, side by side: `[F, (1 + times) D]`,
 * as HTK's `_D_A` and Kaldi's add-deltas, which differ from this at the ends alone.
 */
export function appendDeltas(features: FeatureMatrix, options: DeltaOptions & { times?: 1 | 2 } = {}): FeatureMatrix {
  const { times = 2, ...rest } = options;
  assertOneOf('times', times, [1, 2]);
  const parts = [features];
  for (let time = 1; time <= times; time++) parts.push(deltas(parts[time - 1], rest));
  return besides(parts);
}

/** The columns of several matrices of equally many frames, side by side. */
function besides(parts: FeatureMatrix[]): FeatureMatrix {
  const dimension = parts.reduce((sum, part) => sum + part.dimension, 0);
  const values = new Float32Array(parts[0].frames * dimension);
  let column = 0;
  for (const part of parts) {
    for (let frame = 0; frame < part.frames; frame++) {
      const row = part.values.subarray(frame * part.dimension, (frame + 1) * part.dimension);
      values.set(row, frame * dimension + column);
    }
    column += part.dimension;
  }
  return featureMatrix(values, dimension);
}
