import { Random } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import { complexFourier } from '../../src/features/complexFourier.js';
import {
  cosineTransform,
  hertzToMel,
  lifterWeights,
  melBank,
  type MelOptions,
  melToHertz,
  powerSpectrum,
  windowFunction,
} from '../../src/index.js';
import { melWeights } from '../../src/features/melBank.js';

function noise(length: number, seed: number): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length }, () => random.normal());
}

/** The definition, as plain loops. */
function slowTransform(re: Float64Array, im: Float64Array): [number, number][] {
  return Array.from(re, (_, k) => {
    let r = 0;
    let i = 0;
    for (let n = 0; n < re.length; n++) {
      const angle = (-2 * Math.PI * ((k * n) % re.length)) / re.length;
      r += re[n] * Math.cos(angle) - im[n] * Math.sin(angle);
      i += re[n] * Math.sin(angle) + im[n] * Math.cos(angle);
    }
    return [r, i];
  });
}

test.each([1, 2, 3, 4, 5, 7, 8, 12, 16, 25, 32, 33, 64, 100, 128, 200])(
  'a transform of %i numbers is its definition',
  (size) => {
    const [re, im] = [noise(size, 1), noise(size, 2)];
    const wanted = slowTransform(re, im);
    complexFourier(size).transform(re, im);
    for (const [k, [r, i]] of wanted.entries()) {
      expect(re[k]).toBeCloseTo(r, 10);
      expect(im[k]).toBeCloseTo(i, 10);
    }
  },
);

test.each([2, 4, 6, 7, 33, 256, 400, 512])('a power spectrum of %i samples is its definition', (size) => {
  const frame = noise(size, 3);
  const wanted = slowTransform(frame, new Float64Array(size)).map(([r, i]) => r * r + i * i);
  const found = new Float64Array(Math.floor(size / 2) + 1);
  powerSpectrum(size).compute(frame, found);
  for (const [k, value] of found.entries()) expect(value).toBeCloseTo(wanted[k], 8);
});

test.each([64, 512, 2048])(
  "a power spectrum of %i samples is meyda's, with the last bin that meyda leaves out",
  (size) => {
    const frame = noise(size, 4);
    const [ours, theirs] = [new Float64Array(size / 2 + 1), new Float64Array(size / 2 + 1)];
    powerSpectrum(size, 'meyda').compute(frame.slice(), theirs);
    powerSpectrum(size).compute(frame, ours);
    const largest = Math.max(...ours);
    for (const [k, value] of ours.entries()) expect(Math.abs(value - theirs[k]) / largest).toBeLessThan(1e-5);
  },
);

test('a size or source that is not there is refused', () => {
  expect(() => powerSpectrum(400, 'meyda')).toThrow(
    "Expected fftSize with spectrum 'meyda' to be a power of two, got 400",
  );
  expect(() => powerSpectrum(1)).toThrow('Expected fftSize to be an integer of at least 2, got 1');
  expect(() => powerSpectrum(8, 'fftw' as never)).toThrow('Expected spectrum to be fast or meyda, got "fftw"');
});

describe('windows', () => {
  test('are symmetric, or one period', () => {
    for (const name of ['hann', 'hamming', 'povey', 'blackman', 'rectangular'] as const) {
      const symmetric = windowFunction(name, 9);
      for (let n = 0; n < 9; n++) expect(symmetric[n]).toBeCloseTo(symmetric[8 - n], 12);
      expect(symmetric[4]).toBeCloseTo(1, 12);
      const periodic = windowFunction(name, 8, true);
      for (let n = 0; n < 8; n++) expect(periodic[n]).toBeCloseTo(symmetric[n], 12);
      expect(Array.from(windowFunction(name, 1))).toEqual([1]);
    }
  });

  test('have their known values', () => {
    expect(windowFunction('hann', 5)[1]).toBeCloseTo(0.5, 12);
    expect(windowFunction('povey', 5)[1]).toBeCloseTo(0.5 ** 0.85, 12);
    expect(windowFunction('hamming', 5)[0]).toBeCloseTo(0.08, 12);
    expect(windowFunction('blackman', 5)[1]).toBeCloseTo(0.34, 12);
    expect(() => windowFunction('hanning' as never, 5)).toThrow('Expected window to be one of hann');
  });
});

describe('mel', () => {
  test('scales turn back, and meet their known points', () => {
    for (const scale of ['htk', 'slaney'] as const) {
      for (const hertz of [0, 50, 999, 1000, 1001, 7999]) {
        expect(melToHertz(hertzToMel(hertz, scale), scale)).toBeCloseTo(hertz, 8);
      }
    }
    expect(hertzToMel(1000, 'htk')).toBeCloseTo(999.9855, 3);
    expect(hertzToMel(1000, 'slaney')).toBeCloseTo(15, 12);
    expect(hertzToMel(6400, 'slaney')).toBeCloseTo(42, 12);
  });

  const options: MelOptions = { bands: 10, lowest: 100, highest: 3800, scale: 'htk', norm: 'none', triangles: 'hertz' };

  test('bands are triangles that add up to one between the outer centres', () => {
    const weights = melWeights(options, 512, 8000);
    const sums = Array.from({ length: 257 }, (_, bin) => weights.reduce((sum, row) => sum + row[bin], 0));
    for (let bin = 16; bin < 200; bin++) expect(sums[bin]).toBeCloseTo(1, 10);
    expect(sums[0]).toBe(0);
    expect(sums[256]).toBe(0);
  });

  test('a bank gives the sums of its dense weights', () => {
    const spectrum = noise(257, 5).map((value) => value * value);
    for (const triangles of ['hertz', 'mel', 'bins'] as const) {
      const found = new Float64Array(10);
      melBank({ ...options, triangles }, 512, 8000).apply(spectrum, found);
      const wanted = melWeights({ ...options, triangles }, 512, 8000).map((row) =>
        row.reduce((sum, weight, bin) => sum + weight * spectrum[bin], 0),
      );
      for (const [band, value] of wanted.entries()) expect(found[band]).toBeCloseTo(value, 10);
    }
  });

  test.each([
    [{ bands: 0 }, 'Expected mel.bands to be a positive integer, got 0'],
    [{ highest: 5000 }, 'Expected mel.highest to be at most the Nyquist frequency of 4000 Hz, got 5000'],
    [{ lowest: 3900 }, 'Expected mel.lowest to be from 0 to below 3800 Hz, got 3900'],
    [{ scale: 'bark' }, 'Expected mel.scale to be one of htk, slaney, got "bark"'],
    [{ triangles: 'round' }, 'Expected mel.triangles to be one of hertz, mel, bins, nearest, got "round"'],
  ])('bands with %j are refused', (change, message) => {
    expect(() => melBank({ ...options, ...change } as MelOptions, 512, 8000)).toThrow(message);
  });
});

test('the cosine transform is orthonormal, and its lifter has its known values', () => {
  const matrix = cosineTransform(6, 6, 'ortho');
  for (let a = 0; a < 6; a++) {
    for (let b = 0; b < 6; b++) {
      let product = 0;
      for (let m = 0; m < 6; m++) product += matrix[6 * a + m] * matrix[6 * b + m];
      expect(product).toBeCloseTo(a === b ? 1 : 0, 12);
    }
  }
  expect(cosineTransform(4, 1, 'none')).toEqual(new Float64Array(4).fill(2));
  expect(Array.from(lifterWeights(3, 0))).toEqual([1, 1, 1]);
  expect(lifterWeights(12, 22)[11]).toBeCloseTo(12, 12);
  expect(lifterWeights(12, 22, 1)[10]).toBeCloseTo(12, 12);
});
