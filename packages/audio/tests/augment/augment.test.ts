import { Random } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import {
  addNoise,
  convolve,
  featureMatrix,
  perturbSpeed,
  perturbVolume,
  pinkNoise,
  power,
  powerSpectrum,
  reverberate,
  roomResponse,
  specAugment,
  warpTime,
  whiteNoise,
} from '../../src/index.js';

const sine = (length: number, period: number): Float32Array =>
  Float32Array.from({ length }, (_, n) => 0.5 * Math.sin((2 * Math.PI * n) / period));
const decibels = (ratio: number): number => 10 * Math.log10(ratio);

describe('SpecAugment', () => {
  const features = featureMatrix(
    Float32Array.from({ length: 50 * 8 }, (_, n) => 1 + n),
    8,
  );

  test('masks whole rows and whole columns and nothing else, as wide as allowed', () => {
    const random = new Random(1);
    let widest = 0;
    for (let round = 0; round < 200; round++) {
      const { values } = specAugment(features, random, {
        timeMasks: 1,
        timeWidth: 30,
        frequencyMasks: 1,
        frequencyWidth: 3,
        fill: 0,
      });
      const masked = (frame: number, d: number): boolean => values[frame * 8 + d] === 0;
      const rows = Array.from({ length: 50 }, (_, frame) => [0, 1, 2, 3, 4, 5, 6, 7].every((d) => masked(frame, d)));
      const free = rows.indexOf(false);
      const columns = Array.from({ length: 8 }, (_, d) => masked(free, d));
      const wanted = features.values.map((value, at) => (rows[Math.floor(at / 8)] || columns[at % 8] ? 0 : value));
      expect(values).toEqual(wanted);
      widest = Math.max(widest, rows.filter(Boolean).length);
      expect(columns.filter(Boolean).length).toBeLessThanOrEqual(3);
      for (const flags of [rows, columns]) {
        const runs = flags.filter((flag, n) => flag && !flags[n - 1]).length;
        expect(runs).toBeLessThanOrEqual(1);
      }
    }
    expect(widest).toBe(10); // a fifth of 50 frames, less than the 30 that the width allows
  });

  test('fills with the mean unless told, takes the seed and leaves the original', () => {
    const before = features.values.slice();
    const options = { timeMasks: 1, timeWidth: 8, frequencyMasks: 0, timePart: 1 };
    const one = specAugment(features, new Random(4), options);
    expect(one).toEqual(specAugment(features, new Random(4), options));
    expect(one).not.toEqual(specAugment(features, new Random(5), options));
    expect(features.values).toEqual(before);
    const changed = Array.from({ length: 50 }, (_, f) => f).filter((f) => one.values[f * 8] !== before[f * 8]);
    expect(changed.length).toBeGreaterThan(0);
    for (const frame of changed) expect(one.values[frame * 8 + 2]).toBeCloseTo(1 + 24.5 * 8 + 2, 3);
  });

  test('the warp keeps the ends and the order of a rising feature, and moves the middle', () => {
    const ramp = featureMatrix(
      Float32Array.from({ length: 40 }, (_, n) => n),
      1,
    );
    let largest = 0;
    for (let seed = 0; seed < 50; seed++) {
      const { values } = warpTime(ramp, new Random(seed), 5);
      expect([values[0], values[39]]).toEqual([0, 39]);
      for (let n = 1; n < 40; n++) expect(values[n]).toBeGreaterThanOrEqual(values[n - 1]);
      largest = Math.max(largest, ...values.map((value, n) => Math.abs(value - n)));
    }
    expect(largest).toBeGreaterThan(4);
    expect(largest).toBeLessThanOrEqual(5);
    expect(specAugment(ramp, new Random(1), { warp: 5, timeMasks: 0, frequencyMasks: 0 }).values[0]).toBe(0);
    const short = featureMatrix(Float32Array.of(1, 2, 3), 1);
    expect(warpTime(short, new Random(1), 5)).toEqual(short);
  });

  test('refuses what is out of range, and takes matrices of no frames', () => {
    const none = featureMatrix(new Float32Array(0), 8);
    expect(specAugment(none, new Random(1))).toEqual(none);
    expect(() => specAugment(features, new Random(1), { timeMasks: -1 })).toThrow(
      'Expected timeMasks to be an integer',
    );
    expect(() => specAugment(features, new Random(1), { timePart: 2 })).toThrow(
      'Expected timePart to be a number from 0 to 1',
    );
  });
});

describe('speed and volume', () => {
  test('a sine played faster is shorter and higher', () => {
    const faster = perturbSpeed(sine(4400, 44), 1.1);
    expect(faster).toHaveLength(4000);
    const wanted = sine(4000, 40);
    for (let n = 500; n < 3500; n++) expect(faster[n]).toBeCloseTo(wanted[n], 4);
    expect(perturbSpeed(sine(90, 9), 0.9)).toHaveLength(100);
    expect(() => perturbSpeed(sine(90, 9), 0)).toThrow('Expected factor to be a number from 0.1 to 10, got 0');
  });

  test('6.02 dB are twice as loud', () => {
    expect(perturbVolume(Float32Array.of(0.25, -1), 20 * Math.log10(2))).toEqual(Float32Array.of(0.5, -2));
    expect(() => perturbVolume(new Float32Array(1), NaN)).toThrow('Expected decibels');
  });
});

describe('noise', () => {
  test.each(['white', 'pink', sine(333, 7)] as const)('%# has the asked ratio to the signal', (noise) => {
    const samples = sine(8000, 50);
    for (const snr of [-5, 0, 20]) {
      const noisy = addNoise(samples, new Random(3), { snr, noise });
      const added = noisy.map((value, n) => value - samples[n]);
      expect(decibels(power(samples) / power(added))).toBeCloseTo(snr, 3);
    }
    expect(addNoise(samples, new Random(3), { snr: 5, noise })).toEqual(
      addNoise(samples, new Random(3), { snr: 5, noise }),
    );
  });

  test('leaves silence silent and refuses what is no noise', () => {
    expect(addNoise(new Float32Array(9), new Random(1), { snr: 10 })).toEqual(new Float32Array(9));
    expect(() => addNoise(sine(9, 3), new Random(1), { snr: 10, noise: new Float32Array(0) })).toThrow(
      'the length of noise',
    );
    expect(() => addNoise(sine(9, 3), new Random(1), { snr: Infinity })).toThrow('Expected snr');
  });

  /** The mean power in each of the octaves of bins 4-7, 8-15, ... of a spectrum of 1024. */
  function octaves(samples: Float32Array): number[] {
    const spectrum = powerSpectrum(1024);
    const out = new Float64Array(513);
    const sums = new Array<number>(7).fill(0);
    for (let at = 0; at + 1024 <= samples.length; at += 1024) {
      spectrum.compute(Float64Array.from(samples.subarray(at, at + 1024)), out);
      for (let k = 4; k < 512; k++) sums[Math.floor(Math.log2(k)) - 2] += out[k];
    }
    return sums;
  }

  test('white doubles its power with every octave, pink has as much in each', () => {
    const length = 1 << 18;
    const white = octaves(whiteNoise(length, new Random(1)));
    const pink = octaves(pinkNoise(length, new Random(1)));
    for (let octave = 1; octave < 7; octave++) {
      expect(decibels(white[octave] / white[octave - 1])).toBeCloseTo(3, 0);
      // The sum of held sources is within some 2 dB of 1/f; 256 spectra leave an uncertainty of a few tenths.
      expect(Math.abs(decibels(pink[octave] / pink[octave - 1]))).toBeLessThan(2);
    }
    expect(power(pinkNoise(length, new Random(2)))).toBeGreaterThan(0.7);
    expect(power(pinkNoise(length, new Random(2)))).toBeLessThan(1.4);
  });
});

describe('reverberation', () => {
  test('a room falls by 60 dB in its time and has the asked direct sound', () => {
    const response = roomResponse(new Random(1), { sampleRate: 8000, decay: 1, directToReverberant: 3 });
    expect(response).toHaveLength(8001);
    expect(response[0]).toBe(1);
    const part = (from: number): number => power(response.slice(from, from + 1000));
    expect(decibels(part(1000) / part(6000))).toBeCloseTo((5000 / 8000) * 60, -1);
    expect(Math.abs(decibels(part(1000) / part(6000)) - 37.5)).toBeLessThan(1);
    expect(decibels(1 / (power(response.slice(1)) * 8000))).toBeCloseTo(3, 3);
  });

  test('convolution equals the sum that defines it, whichever is longer', () => {
    const random = new Random(2);
    for (const [a, b] of [
      [1, 1],
      [5, 3],
      [3, 5],
      [100, 7],
      [7, 1000],
    ]) {
      const [x, h] = [whiteNoise(a, random), whiteNoise(b, random)];
      const wanted = Array.from({ length: a + b - 1 }, (_, n) =>
        x.reduce((sum, value, k) => sum + value * (h[n - k] ?? 0), 0),
      );
      const found = convolve(x, h);
      expect(found).toHaveLength(wanted.length);
      for (const [n, value] of wanted.entries()) expect(found[n]).toBeCloseTo(value, 5);
    }
    expect(convolve(new Float32Array(0), new Float32Array(3))).toHaveLength(0);
  });

  test('sound keeps its length and power, and a room of no time changes nothing', () => {
    const samples = sine(3000, 30);
    const wet = reverberate(samples, new Random(1), { sampleRate: 8000, decay: 0.3 });
    expect(wet).toHaveLength(3000);
    expect(power(wet)).toBeCloseTo(power(samples), 5);
    expect(wet).not.toEqual(samples);
    expect(wet).toEqual(reverberate(samples, new Random(1), { sampleRate: 8000, decay: 0.3 }));
    const dry = reverberate(samples, new Random(1), { sampleRate: 8000, decay: 0 });
    for (const [n, value] of samples.entries()) expect(dry[n]).toBeCloseTo(value, 6);
    expect(() => roomResponse(new Random(1), { sampleRate: 8000, decay: 9 })).toThrow(
      'Expected decay to be a number from 0 to 5',
    );
  });
});
