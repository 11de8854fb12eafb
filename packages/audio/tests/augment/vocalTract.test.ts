import { Random } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { featureMatrix, vocalTractMatrix, warpVocalTract } from '../../src/index.js';

const options = { bands: 24, lowest: 100, highest: 3800 };
const melOf = (hertz: number): number => 1127 * Math.log1p(hertz / 700);
const hertzOf = (mel: number): number => 700 * Math.expm1(mel / 1127);

/** The centre of each band, in hertz. */
const centres = Array.from({ length: options.bands }, (_, band) => {
  const step = (melOf(options.highest) - melOf(options.lowest)) / (options.bands + 1);
  return hertzOf(melOf(options.lowest) + (band + 1) * step);
});

/** The cepstra of log bands, by the definition. */
const cepstraOf = (bands: readonly number[], count: number): number[] =>
  Array.from({ length: count }, (_, k) =>
    bands.reduce(
      (sum, value, m) =>
        sum + value * Math.sqrt((k === 0 ? 1 : 2) / bands.length) * Math.cos((Math.PI * k * (m + 0.5)) / bands.length),
      0,
    ),
  );

/** A smooth spectrum with one resonance. */
const resonance = (hertz: number): number[] => centres.map((centre) => Math.exp(-(((centre - hertz) / 900) ** 2)));

describe('warpVocalTract', () => {
  it('changes nothing with a factor of 1', () => {
    const matrix = vocalTractMatrix(13, 1, options);
    for (let row = 0; row < 13; row++) {
      for (let column = 0; column < 13; column++) {
        expect(matrix[row * 13 + column]).toBeCloseTo(row === column ? 1 : 0, 10);
      }
    }
  });

  it.each([0.85, 0.95, 1.1, 1.2])('moves a resonance to %d times its frequency', (factor) => {
    const before = featureMatrix(Float32Array.from(cepstraOf(resonance(1200), 16)), 16);
    const after = warpVocalTract(before, factor, options).values;
    const wanted = cepstraOf(
      centres.map((centre) => Math.exp(-(((centre / factor - 1200) / 900) ** 2))),
      16,
    );
    // What is left is the interpolation between bands and the line above the knee, where the resonance has died away.
    after.forEach((value, k) => expect(Math.abs(value - wanted[k]), `C${k}`).toBeLessThan(0.05));
  });

  it('goes through the scale of its coefficients', () => {
    const random = new Random(1);
    const scale = Array.from({ length: 13 }, (_, k) => 1 + k / 3);
    const plain = featureMatrix(
      Float32Array.from({ length: 26 }, () => random.normal()),
      13,
    );
    const scaled = featureMatrix(
      plain.values.map((value, at) => value * scale[at % 13]),
      13,
    );
    const wanted = warpVocalTract(plain, 1.13, options).values.map((value, at) => value * scale[at % 13]);
    warpVocalTract(scaled, 1.13, { ...options, scale }).values.forEach((value, at) =>
      expect(value).toBeCloseTo(wanted[at], 4),
    );
  });

  it('refuses a factor out of bounds and a scale of another size', () => {
    const features = featureMatrix(new Float32Array(13), 13);
    expect(() => warpVocalTract(features, 3, options)).toThrow(/Expected factor to be/);
    expect(() => warpVocalTract(features, 1, { ...options, scale: [1] })).toThrow(
      /Expected scale to be 13 numbers, got 1/,
    );
    expect(() => warpVocalTract(features, 1, { ...options, bands: 4 })).toThrow(/Expected bands to be/);
  });
});
