import { InputError, Random } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FEATURE_PRESETS,
  FeatureExtractor,
  type FeatureOverrides,
  featurePreset,
  type FeaturePreset,
  joinFeatures,
} from '../../src/index.js';

function noise(length: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => 0.2 * random.normal());
}

const small: FeatureOverrides = {
  frameLength: 40,
  frameShift: 15,
  fftSize: 64,
  log: { range: 0 },
  mel: { bands: 5 },
  cepstra: { count: 3 },
};
const kinds: [FeaturePreset, FeatureOverrides][] = [
  ['kaldi-mfcc', small],
  ['kaldi-mfcc', { ...small, dither: 0.5, ditherSeed: 3 }],
  ['kaldi-mfcc', { ...small, frameShift: 90 }],
  ['kaldi-fbank', { ...small, edges: 'mirror' }],
  ['kaldi-fbank', { ...small, edges: 'mirror', frameLength: 10 }],
  ['python-speech-features-mfcc', small],
  ['librosa-mfcc', small],
  ['librosa-mfcc', { ...small, padding: 'edge', preEmphasis: 0.9, preEmphasisOver: 'signal' }],
  ['torchaudio-mfcc', small],
];

test('a stream in pieces of any sizes gives the features of the whole, bit for bit', () => {
  const signal = noise(400);
  const lengths = fc.constantFrom(0, 1, 2, 7, 31, 40, 41, 100, 399, 400);
  fc.assert(
    fc.property(fc.nat(kinds.length - 1), lengths, fc.array(fc.nat(120), { maxLength: 8 }), (kind, length, sizes) => {
      const [preset, overrides] = kinds[kind];
      const extractor = new FeatureExtractor(featurePreset(preset, 4000, overrides));
      const samples = signal.subarray(0, length);
      const stream = extractor.stream();
      const pieces = [];
      let at = 0;
      for (const size of [...sizes, length]) {
        pieces.push(stream.push(samples.subarray(at, at + size)));
        at = Math.min(length, at + size);
      }
      pieces.push(stream.end());
      const whole = extractor.extract(samples);
      expect(joinFeatures(pieces, extractor.dimension)).toEqual(whole);
      expect(whole.frames).toBe(extractor.frameCount(length));
      expect(whole.values.every(Number.isFinite)).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test('a stream gives a frame as soon as its last sample is there', () => {
  const stream = new FeatureExtractor(featurePreset('kaldi-mfcc', 4000, small)).stream();
  expect(stream.push(noise(39)).frames).toBe(0);
  expect(stream.push(noise(1)).frames).toBe(1);
  expect(stream.push(noise(14)).frames).toBe(0);
  expect(stream.push(noise(16)).frames).toBe(2);
  expect(stream.end().frames).toBe(0);
});

test('a stream of many pieces holds no more than a few frames', () => {
  const stream = new FeatureExtractor(featurePreset('kaldi-mfcc', 4000, small)).stream();
  for (let piece = 0; piece < 500; piece++) stream.push(noise(100));
  const { held } = (stream as unknown as { cutter: { held: Float64Array } }).cutter;
  expect(held.length).toBeLessThan(400); // room grows by doubling
});

describe('an extractor', () => {
  test.each(FEATURE_PRESETS)('of %s takes silence, one sample and none', (preset) => {
    const extractor = new FeatureExtractor(featurePreset(preset, 16000));
    for (const length of [0, 1, 399, 5000]) {
      const { values, frames, dimension } = extractor.extract(new Float32Array(length));
      expect(values.length).toBe(frames * dimension);
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  test("with meyda's spectrum gives the same features", () => {
    const samples = noise(2000);
    const [fast, meyda] = (['fast', 'meyda'] as const).map((spectrum) =>
      new FeatureExtractor(featurePreset('kaldi-mfcc', 16000, { spectrum })).extract(samples),
    );
    // meyda's float32 spectrum has seven digits
    for (const [n, value] of fast.values.entries()) expect(Math.abs(value - meyda.values[n])).toBeLessThan(1e-3);
  });

  test('dithers by its seed, the same for each signal', () => {
    const make = (dither: number, ditherSeed = 0) =>
      new FeatureExtractor(featurePreset('kaldi-mfcc', 4000, { ...small, dither, ditherSeed }));
    const samples = noise(200);
    const one = make(10);
    expect(one.extract(samples)).toEqual(one.extract(samples));
    expect(one.extract(samples)).not.toEqual(make(10, 1).extract(samples));
    expect(one.extract(samples)).not.toEqual(make(0).extract(samples));
  });

  test('refuses samples that are not finite, and streams that need the whole', () => {
    const extractor = new FeatureExtractor(featurePreset('librosa-mfcc', 16000));
    const samples = noise(3000);
    samples[2500] = NaN;
    expect(() => extractor.extract(samples)).toThrow('Expected finite samples, got NaN at sample 2500');
    expect(() => extractor.stream()).toThrow('Expected log.range to be 0 for a stream, got 80: it needs the whole');
  });
});

test('a stream of features takes no more after its end', () => {
  const stream = new FeatureExtractor(featurePreset('kaldi-mfcc', 4000, small)).stream();
  stream.push(noise(50));
  stream.end();
  expect(() => stream.push(noise(50))).toThrow(
    new InputError('Expected no samples after the end of the stream of features, got more'),
  );
});
