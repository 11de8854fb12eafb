import { Random } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import {
  featureMatrix,
  type FeatureMatrix,
  joinFeatures,
  NormalizationStatistics,
  normalizeSpeakers,
  normalizeUtterance,
  RunningNormalizer,
} from '../../src/index.js';

function draw(seed: number, frames: number, shift = 0): FeatureMatrix {
  const random = new Random(seed);
  return featureMatrix(
    Float32Array.from({ length: frames * 3 }, (_, n) => shift + 20 * (n % 3) + random.normal() * (1 + (n % 3))),
    3,
  );
}

function column({ values }: FeatureMatrix, d: number): number[] {
  return Array.from(values).filter((_, n) => n % 3 === d);
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values: number[]): number => Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)));

describe('of an utterance', () => {
  test('gives mean zero and variance one, or the mean alone', () => {
    const features = draw(1, 50);
    for (const d of [0, 1, 2]) {
      expect(mean(column(normalizeUtterance(features), d))).toBeCloseTo(0, 5);
      expect(deviation(column(normalizeUtterance(features), d))).toBeCloseTo(1, 5);
      const shifted = column(normalizeUtterance(features, { variance: false }), d);
      expect(mean(shifted)).toBeCloseTo(0, 5);
      expect(deviation(shifted)).toBeCloseTo(deviation(column(features, d)), 4);
    }
  });

  test('makes zero, not infinity, of a feature that never changes', () => {
    const constant = featureMatrix(new Float32Array(12).fill(3), 3);
    expect(normalizeUtterance(constant).values).toEqual(new Float32Array(12));
    expect(normalizeUtterance(featureMatrix(new Float32Array(0), 3)).frames).toBe(0);
  });
});

test('statistics of parts merge into those of the whole, and survive JSON', () => {
  const [a, b] = [draw(1, 7), draw(2, 11, 4)];
  const whole = NormalizationStatistics.of(joinFeatures([a, b], 3));
  const merged = NormalizationStatistics.of(a).merge(NormalizationStatistics.of(b));
  const again = NormalizationStatistics.fromJSON(JSON.parse(JSON.stringify(merged)));
  expect(again.count).toBe(18);
  for (const d of [0, 1, 2]) {
    expect(again.mean(d)).toBeCloseTo(whole.mean(d), 10);
    expect(again.deviation(d)).toBeCloseTo(whole.deviation(d), 10);
  }
  expect(() => NormalizationStatistics.fromJSON({ count: 1, sums: [1], squares: [] })).toThrow(
    'normalisation statistics',
  );
  expect(() => NormalizationStatistics.fromJSON(null)).toThrow('normalisation statistics');
  expect(() => merged.add(featureMatrix(new Float32Array(2), 2))).toThrow('Expected features of dimension 3, got 2');
});

test('speakers are normalised over all that each said', () => {
  const utterances = [
    { speaker: 'low', features: draw(1, 20) },
    { speaker: 'high', features: draw(2, 30, 100) },
    { speaker: 'low', features: draw(3, 10, 1) },
  ];
  const [first, other, second] = normalizeSpeakers(utterances);
  const low = joinFeatures([first, second], 3);
  for (const d of [0, 1, 2]) {
    expect(mean(column(low, d))).toBeCloseTo(0, 4);
    expect(deviation(column(low, d))).toBeCloseTo(1, 4);
    expect(mean(column(other, d))).toBeCloseTo(0, 4);
  }
  expect(Math.abs(mean(column(first, 0)))).toBeGreaterThan(0.05); // not each utterance for itself
});

describe('of a stream', () => {
  test('is that of the frames in the window so far', () => {
    const features = draw(4, 40);
    const found = new RunningNormalizer(3, { window: 8 }).push(features);
    for (const frame of [0, 5, 7, 8, 21, 39]) {
      const from = Math.max(0, frame - 7);
      const window = featureMatrix(features.values.slice(from * 3, frame * 3 + 3), 3);
      const wanted = normalizeUtterance(window).values.slice(-3);
      for (const d of [0, 1, 2]) expect(found.values[frame * 3 + d]).toBeCloseTo(wanted[d], 4);
    }
  });

  test('does not depend on the pieces', () => {
    const features = draw(5, 30);
    const whole = new RunningNormalizer(3, { window: 7 }).push(features);
    const running = new RunningNormalizer(3, { window: 7 });
    const pieces: FeatureMatrix[] = [];
    for (let at = 0, size = 0; at < 90; at += 3 * size++) {
      pieces.push(running.push(featureMatrix(features.values.slice(at, at + 3 * size), 3)));
    }
    expect(joinFeatures(pieces, 3)).toEqual(whole);
  });

  test('leans on a prior until enough frames have come', () => {
    const prior = NormalizationStatistics.of(draw(6, 1000));
    const first = featureMatrix(draw(6, 1000).values.slice(0, 3), 3);
    const one = new RunningNormalizer(3, { prior, priorFrames: 200 }).push(first);
    const wanted = prior.apply(first);
    for (const d of [0, 1, 2]) expect(one.values[d]).toBeCloseTo(wanted.values[d], 1); // 199 of 200 are the prior's
    expect(new RunningNormalizer(3).push(first).values).toEqual(new Float32Array(3)); // its own mean
    const later = draw(7, 300);
    const with_ = new RunningNormalizer(3, { prior, priorFrames: 200 }).push(later).values.slice(-3);
    expect(with_).toEqual(new RunningNormalizer(3).push(later).values.slice(-3));
  });

  test('does not drift over many frames', () => {
    const running = new RunningNormalizer(3, { window: 50 });
    const piece = draw(8, 1000, 1e4);
    for (let round = 0; round < 60; round++) running.push(piece);
    const wanted = new RunningNormalizer(3, { window: 50 }).push(piece).values.slice(-3);
    const found = running.push(piece).values.slice(-3);
    for (const d of [0, 1, 2]) expect(found[d]).toBeCloseTo(wanted[d], 6);
  });

  test('takes an option that is undefined as one that is absent', () => {
    const options = { window: undefined, priorFrames: undefined, variance: undefined, prior: undefined };
    const features = draw(9, 20);
    expect(new RunningNormalizer(3, options).push(features)).toEqual(new RunningNormalizer(3).push(features));
  });

  test('refuses what does not fit', () => {
    const prior = new NormalizationStatistics(2);
    expect(() => new RunningNormalizer(3, { prior })).toThrow('Expected prior to be statistics of dimension 3, got 2');
    expect(() => new RunningNormalizer(3, { window: 0 })).toThrow('Expected window to be an integer of at least 1');
    expect(() => new RunningNormalizer(3).push(featureMatrix(new Float32Array(2), 2))).toThrow('dimension 3, got 2');
  });
});
