import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { appendDeltas, deltas, featureMatrix } from '../../src/index.js';

const golden: { features: Record<string, number[][]> }[] = JSON.parse(
  readFileSync(new URL('../golden/features.json', import.meta.url), 'utf8'),
);

test.each([
  ['delta python_speech_features', { reach: 2 }],
  ['delta librosa', { reach: 2, edges: 'fit' }],
  ['delta-delta librosa', { reach: 2, order: 2, edges: 'fit' }],
] as const)('%s is equalled', (name, options) => {
  for (const { features } of golden) {
    const base = features['librosa-mfcc'].map((row) => row.slice(0, 4));
    const found = deltas(featureMatrix(Float32Array.from(base.flat()), 4), options);
    const wanted = features[name].flat();
    expect(found.values).toHaveLength(wanted.length);
    // float32 features of some hundreds come in, with steps of 3e-5
    for (const [index, value] of wanted.entries()) expect(Math.abs(found.values[index] - value)).toBeLessThan(1e-4);
  }
});

test('a line has its slope, a parabola its curvature, and a constant neither', () => {
  const ramp = featureMatrix(
    Float32Array.from({ length: 18 }, (_, n) => (n % 2 ? 5 : 3 * (n >> 1))),
    2,
  );
  expect(Array.from(deltas(ramp, { reach: 3, edges: 'fit' }).values)).toEqual(
    Array.from({ length: 18 }, (_, n) => (n % 2 ? 0 : 3)).map((value) => expect.closeTo(value, 6)),
  );
  const parabola = featureMatrix(
    Float32Array.from({ length: 9 }, (_, n) => n * n),
    1,
  );
  for (const value of deltas(parabola, { order: 2, edges: 'fit' }).values) expect(value).toBeCloseTo(2, 5);
});

test('deltas and their deltas stand beside the features', () => {
  const features = featureMatrix(
    Float32Array.from({ length: 10 }, (_, n) => Math.sin(n)),
    2,
  );
  const first = deltas(features);
  const second = deltas(first);
  const all = appendDeltas(features);
  expect([all.frames, all.dimension]).toEqual([5, 6]);
  for (let frame = 0; frame < 5; frame++) {
    const parts = [features, first, second].flatMap(({ values }) => [...values.subarray(2 * frame, 2 * frame + 2)]);
    expect(Array.from(all.values.subarray(6 * frame, 6 * frame + 6))).toEqual(parts);
  }
  expect(appendDeltas(features, { times: 1 }).dimension).toBe(4);
});

test('no frames have no deltas, and wrong options are refused', () => {
  const none = featureMatrix(new Float32Array(0), 3);
  expect(deltas(none)).toEqual(none);
  expect(() => deltas(none, { edges: 'fit' })).toThrow("Expected frames with edges 'fit' to be at least 5, got 0");
  expect(() => deltas(none, { reach: 0 })).toThrow('Expected reach to be an integer of at least 1, got 0');
  expect(() => deltas(none, { order: 3 as never })).toThrow('Expected order to be one of 1, 2, got 3');
  expect(() => deltas(none, { edges: 'wrap' as never })).toThrow('Expected edges to be one of repeat, fit');
});
