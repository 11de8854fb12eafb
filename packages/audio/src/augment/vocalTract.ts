import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import { assertInteger, assertNumber } from '../checks.js';
import { cosineTransform } from '../features/cosineTransform.js';
import type { FeatureMatrix } from '../features/featureMatrix.js';
import { hertzToMel, melToHertz } from '../features/melScale.js';

export interface VocalTractOptions {
  /** The mel bands that the cepstra were made of. */
  bands: number;
  /** In hertz: where the lowest band begins and the highest ends. */
  lowest: number;
  highest: number;
  /**
   * What each coefficient is a multiple of, in an orthonormal cosine transform: the weights of a lifter, or of a transform
   * with another norm. Ones when absent.
   */
  scale?: readonly number[];
}

/**
 * Cepstra as of a vocal tract of another length: the frequency axis stretched by a factor, which is linear in the cepstra (Pitz and
 * Ney 2005), drawn at random in training as in Jaitly and Hinton 2013.
 *
 *     c' = S D W D^T S^-1 c      D: the cosine transform of M mel bands, W: band m reads the spectrum at mel(g(hertz(m)))
 *     g(f) = f / factor below 0.85 of the highest frequency, from there a straight line to it
 *
 * The spectrum is what so few coefficients hold of it, so a factor of 1 changes nothing.
 *
 * @returns a new matrix of the same shape
 * @throws {ConfigError} for a factor outside 0.5 to 2
 */
export function warpVocalTract(features: FeatureMatrix, factor: number, options: VocalTractOptions): FeatureMatrix {
  const { frames, dimension } = features;
  const matrix = vocalTractMatrix(dimension, factor, options);
  const values = new Float32Array(features.values.length);
  for (let frame = 0; frame < frames; frame++) {
    const at = frame * dimension;
    for (let row = 0; row < dimension; row++) {
      let sum = 0;
      for (let column = 0; column < dimension; column++) {
        sum += matrix[row * dimension + column] * features.values[at + column];
      }
      values[at + row] = sum;
    }
  }
  return { values, frames, dimension };
}

/** The matrix of {@link warpVocalTract}, [D, D], row after row. */
export function vocalTractMatrix(dimension: number, factor: number, options: VocalTractOptions): Float64Array {
  refuseUnknown('the vocal tract', options, ['bands', 'lowest', 'highest', 'scale']);
  const { bands, lowest, highest, scale } = options;
  assertNumber('factor', factor, 0.5, 2);
  assertInteger('bands', bands, dimension);
  assertNumber('lowest', lowest, 0, highest);
  if (scale !== undefined && scale.length !== dimension) {
    throw new ConfigError(expected('scale', `${dimension} numbers`, scale.length));
  }
  const basis = cosineTransform(bands, dimension, 'ortho'); // [D, M]
  const matrix = new Float64Array(dimension * dimension);
  for (let band = 0; band < bands; band++) {
    // The band reads the spectrum between two others.
    const place = Math.min(bands - 1, Math.max(0, sourceOf(band, factor, options)));
    const below = Math.min(bands - 2, Math.floor(place));
    const part = place - below;
    for (let column = 0; column < dimension; column++) {
      const read = (1 - part) * basis[column * bands + below] + part * basis[column * bands + below + 1];
      for (let row = 0; row < dimension; row++) matrix[row * dimension + column] += basis[row * bands + band] * read;
    }
  }
  if (scale === undefined) return matrix;
  return matrix.map((value, at) => (value * scale[Math.floor(at / dimension)]) / scale[at % dimension]);
}

/** The place among the bands, fractions allowed, that the centre of a band is read from. */
function sourceOf(band: number, factor: number, { bands, lowest, highest }: VocalTractOptions): number {
  const first = hertzToMel(lowest, 'htk');
  const step = (hertzToMel(highest, 'htk') - first) / (bands + 1);
  const hertz = melToHertz(first + (band + 1) * step, 'htk');
  const knee = 0.85 * highest * Math.min(1, factor);
  const atKnee = knee / factor;
  const warped = hertz <= knee ? hertz / factor : atKnee + ((hertz - knee) * (highest - atKnee)) / (highest - knee);
  return (hertzToMel(warped, 'htk') - first) / step - 1;
}
