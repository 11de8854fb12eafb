import { Random } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { besselI0, kaiserBeta } from '../../src/resample/kaiser.js';
import { resample, Resampler } from '../../src/index.js';

const sine = (frequency: number, rate: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * frequency * n) / rate + 0.3));

/** The root of the mean square, away from the ends, where silence begins. */
function level(samples: ArrayLike<number>, margin: number): number {
  let sum = 0;
  for (let n = margin; n < samples.length - margin; n++) sum += samples[n] ** 2;
  return Math.sqrt(sum / (samples.length - 2 * margin));
}

/** How far the resampled sine is from the sine itself at the new rate, in decibels of the sine. */
function errorDecibels(frequency: number, from: number, to: number): number {
  const output = resample(sine(frequency, from, from / 4), { from, to });
  const wanted = sine(frequency, to, output.length);
  const margin = Math.ceil(output.length / 4);
  const error = output.map((value, n) => value - wanted[n]);
  return 20 * Math.log10(level(error, margin) / Math.SQRT1_2);
}

describe('the pass band', () => {
  test.each([
    [8000, 16000],
    [16000, 8000],
    [44100, 16000],
    [48000, 16000],
    [16000, 44100],
    [11025, 16000],
    [16001, 16000], // too many phases to keep: the interpolated prototype
  ])('from %i to %i Hz keeps sines to 90 dB', (from, to) => {
    const nyquist = Math.min(from, to) / 2;
    // The design's 96 dB are the largest ripple of both bands; images add a little.
    for (const part of [0.01, 0.2, 0.5, 0.8, 0.9]) expect(errorDecibels(part * nyquist, from, to)).toBeLessThan(-90);
  });

  test('keeps a constant exactly', () => {
    const output = resample(new Float32Array(2000).fill(0.5), { from: 44100, to: 16000 });
    for (let n = 200; n < 500; n++) expect(output[n]).toBeCloseTo(0.5, 7);
  });
});

describe('the stop band', () => {
  test.each([
    [16000, 8000],
    [44100, 16000],
    [48000, 8000],
    [16001, 8000],
  ])('from %i to %i Hz takes what would fold back down by 90 dB', (from, to) => {
    for (const part of [1.001, 1.1, 1.3, 1.7]) {
      const frequency = (part * to) / 2;
      if (frequency >= from / 2) continue;
      const output = resample(sine(frequency, from, from / 4), { from, to });
      const left = level(output, Math.ceil(output.length / 4)) / Math.SQRT1_2;
      expect(20 * Math.log10(left), `${frequency} Hz`).toBeLessThan(-90);
    }
  });

  test('takes images down by 90 dB where the rate rises', () => {
    // A sine of 3.6 kHz has its image at 4.4 kHz, which the error at 16 kHz would hold.
    expect(errorDecibels(3600, 8000, 16000)).toBeLessThan(-90);
  });

  test('is as deep as is asked', () => {
    const residue = (attenuation: number): number => {
      const output = resample(sine(4100, 16000, 4000), { from: 16000, to: 8000, attenuation });
      return 20 * Math.log10(level(output, 500) / Math.SQRT1_2);
    };
    expect(residue(50)).toBeLessThan(-48);
    expect(residue(50)).toBeGreaterThan(-80);
    expect(residue(130)).toBeLessThan(-120); // float32 samples end near -150 dB
  });
});

test('N samples give ceil(N to / from), the first at the same time', () => {
  for (const [length, from, to] of [
    [0, 8000, 16000],
    [1, 8000, 16000],
    [1, 48000, 16000],
    [4, 48000, 16000],
    [441, 44100, 16000],
  ]) {
    expect(resample(new Float32Array(length), { from, to })).toHaveLength(Math.ceil((length * to) / from));
  }
  const same = Float32Array.of(1, 2);
  expect(resample(same, { from: 8000, to: 8000 })).toBe(same);
});

test('pieces of any sizes give the same numbers as the whole, again and again', () => {
  const random = new Random(1);
  const samples = Float32Array.from({ length: 700 }, () => random.next() - 0.5);
  const rates = fc.constantFrom(
    [8000, 16000],
    [44100, 16000],
    [16000, 11025],
    [48000, 8000],
    [16001, 16000],
    [8000, 8000],
  );
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 12 }), ([from, to], sizes) => {
      const resampler = new Resampler({ from, to });
      const whole = resample(samples, { from, to });
      for (let again = 0; again < 2; again++) {
        const pieces: number[] = [];
        let at = 0;
        for (const size of [...sizes, samples.length]) {
          pieces.push(...resampler.push(samples.subarray(at, at + size)));
          at = Math.min(at + size, samples.length);
        }
        pieces.push(...resampler.end());
        expect(Float32Array.from(pieces)).toEqual(whole);
      }
    }),
    { numRuns: 40 },
  );
});

test('wrong options are refused', () => {
  expect(() => new Resampler({ from: 0, to: 8000 })).toThrow(
    'Expected from to be a rate in hertz, a positive integer, got 0',
  );
  expect(() => new Resampler({ from: 1, to: 8000 })).toThrow('a ratio of at most 1000, got "1 / 8000"');
  expect(() => new Resampler({ from: 8000, to: 8000, passband: 1 })).toThrow('passband to be from 0.5 to 0.99, got 1');
  expect(() => new Resampler({ from: 8000, to: 8000, attenuation: NaN })).toThrow(
    'attenuation to be from 40 to 140 dB',
  );
});

test("Kaiser's window: known values", () => {
  expect(besselI0(0)).toBe(1);
  expect(besselI0(1)).toBeCloseTo(1.2660658777520084, 14); // Abramowitz and Stegun, table 9.8
  expect(besselI0(5)).toBeCloseTo(27.239871823604442, 12);
  expect(kaiserBeta(60)).toBeCloseTo(5.65326, 5); // 0.1102 * 51.3
  expect(kaiserBeta(30)).toBeCloseTo(0.5842 * 9 ** 0.4 + 0.07886 * 9, 10);
  expect(kaiserBeta(20)).toBe(0);
});
