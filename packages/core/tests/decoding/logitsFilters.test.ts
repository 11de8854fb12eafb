import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyTemperature,
  argmax,
  banTokens,
  drawToken,
  keepTopK,
  keepTopP,
  logSoftmax,
  penalizeRepetition,
} from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';

const logitsOf = fc
  .array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 30 })
  .map((values) => Float32Array.from(values));

const probabilities = (logits: Float32Array): number[] => Array.from(logSoftmax(logits), Math.exp);
const kept = (logits: Float32Array): number[] => Array.from(logits.keys()).filter((id) => logits[id] > -Infinity);

/** Pearson's statistic of draws against exact probabilities. */
function chiSquared(logits: Float32Array, draws: number, seed: number): number {
  const random = new Random(seed);
  const counts = new Array<number>(logits.length).fill(0);
  for (let draw = 0; draw < draws; draw++) counts[drawToken(logits, random)]++;
  return probabilities(logits).reduce((sum, probability, id) => {
    if (probability === 0) {
      expect(counts[id]).toBe(0);
      return sum;
    }
    return sum + (counts[id] - draws * probability) ** 2 / (draws * probability);
  }, 0);
}

describe('logSoftmax', () => {
  test('gives probabilities that add up to one and keep the ratios of the logits', () => {
    fc.assert(
      fc.property(logitsOf, (logits) => {
        const logs = logSoftmax(logits);
        expect(logs.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(1, 12);
        logs.forEach((log, id) => expect(log - logs[0]).toBeCloseTo(logits[id] - logits[0], 10));
      }),
    );
  });

  test('holds for logits far beyond what exp can', () => {
    const [first, second, third] = probabilities(Float32Array.of(1000, 1000, -1000));
    expect([first, second]).toEqual([expect.closeTo(0.5, 15), expect.closeTo(0.5, 15)]);
    expect(third).toBe(0);
  });

  test('refuses what is not a number and a choice among nothing', () => {
    expect(() => logSoftmax(Float32Array.of(0, NaN))).toThrow('Expected logits to be numbers below infinity, got NaN');
    expect(() => logSoftmax(Float32Array.of(-Infinity))).toThrow(/all are banned/);
  });
});

describe('keepTopK', () => {
  test('keeps exactly k tokens, none of them below one that was dropped', () => {
    fc.assert(
      fc.property(logitsOf, fc.integer({ min: 1, max: 35 }), (logits, k) => {
        const ids = kept(keepTopK(logits, k));
        expect(ids).toHaveLength(Math.min(k, logits.length));
        const lowest = Math.min(...ids.map((id) => logits[id]));
        logits.forEach((logit, id) => ids.includes(id) || expect(logit).toBeLessThanOrEqual(lowest));
      }),
    );
  });

  test('keeps the lower id of equals', () => {
    expect(kept(keepTopK(Float32Array.of(1, 2, 1, 1), 2))).toEqual([0, 1]);
  });
});

describe('keepTopP', () => {
  test('keeps the smallest set whose probability is p or more', () => {
    fc.assert(
      fc.property(logitsOf, fc.double({ min: 0.01, max: 0.999, noNaN: true }), (logits, p) => {
        const all = probabilities(logits);
        const ids = kept(keepTopP(logits, p)).sort((a, b) => all[b] - all[a]);
        const mass = (list: number[]): number => list.reduce((sum, id) => sum + all[id], 0);
        expect(mass(ids)).toBeGreaterThanOrEqual(p - 1e-12);
        expect(mass(ids.slice(0, -1))).toBeLessThan(p);
        const lowest = Math.min(...ids.map((id) => logits[id]));
        logits.forEach((logit, id) => ids.includes(id) || expect(logit).toBeLessThanOrEqual(lowest));
      }),
    );
  });

  test('keeps at least the most likely token, and all of them for p = 1', () => {
    expect(kept(keepTopP(Float32Array.of(0, 5, 1), 1e-9))).toEqual([1]);
    expect(keepTopP(Float32Array.of(0, -50), 1)).toEqual(Float32Array.of(0, -50));
  });
});

describe('applyTemperature', () => {
  test('raises the probabilities to the power 1/T', () => {
    const logits = Float32Array.of(1, 2, -0.5);
    const before = probabilities(logits);
    const after = probabilities(applyTemperature(logits, 0.5));
    const powers = before.map((probability) => probability ** 2);
    const sum = powers.reduce((total, power) => total + power);
    after.forEach((probability, id) => expect(probability).toBeCloseTo(powers[id] / sum, 6)); // logits are float32
  });
});

describe('penalizeRepetition', () => {
  test('never makes a token of the history more likely, whatever the sign of its logit', () => {
    fc.assert(
      fc.property(
        logitsOf,
        fc.array(fc.nat({ max: 29 })),
        fc.double({ min: 1, max: 3, noNaN: true }),
        (logits, history, penalty) => {
          const penalized = penalizeRepetition(logits, history, penalty);
          logits.forEach((logit, id) => {
            if (history.includes(id)) expect(penalized[id]).toBeLessThanOrEqual(logit);
            else expect(penalized[id]).toBe(logit);
          });
        },
      ),
    );
  });

  test('divides a positive logit once, however often its token occurred', () => {
    expect(penalizeRepetition(Float32Array.of(3, -3, 3), [0, 1, 0], 1.5)).toEqual(Float32Array.of(2, -4.5, 3));
  });
});

describe('drawToken', () => {
  // 26.12 is the 0.999 quantile of chi-squared with 8 degrees of freedom; the seeds are fixed, so this cannot flake.
  test.each([1, 2, 3])('draws with the exact probabilities of the softmax, seed %i', (seed) => {
    expect(chiSquared(Float32Array.of(0, 1, 2, -1, 0.5, -3, 1.5, -0.5, 0.1), 20_000, seed)).toBeLessThan(26.12);
  });

  test('draws with the exact probabilities of what the filters leave', () => {
    const logits = Float32Array.of(0, 1, 2, -1, 0.5, -3, 1.5, -0.5, 0.1);
    const filtered = keepTopP(keepTopK(applyTemperature(banTokens(logits, [2]), 0.8), 6), 0.9);
    expect(kept(filtered)).toEqual([0, 1, 4, 6, 8]);
    expect(chiSquared(filtered, 20_000, 7)).toBeLessThan(18.47); // 0.999 quantile, 4 degrees of freedom
  });

  test('a draw from wrong probabilities would be noticed', () => {
    const random = new Random(1);
    const counts = [0, 0];
    for (let draw = 0; draw < 20_000; draw++) counts[drawToken(Float32Array.of(0, 0.1), random)]++;
    expect((counts[0] - 10_000) ** 2 / 10_000 + (counts[1] - 10_000) ** 2 / 10_000).toBeGreaterThan(10.83);
  });
});

test('no filter changes the logits it is given', () => {
  const logits = Float32Array.of(1, -2, 3);
  const before = logits.slice();
  keepTopK(logits, 1);
  keepTopP(logits, 0.5);
  applyTemperature(logits, 2);
  penalizeRepetition(logits, [0], 2);
  banTokens(logits, [0]);
  drawToken(logits, new Random(1));
  expect(logits).toEqual(before);
});

test('argmax is the lowest id of the largest logits', () => {
  expect(argmax(Float32Array.of(-1, 4, 4))).toBe(1);
});

test.each([
  [() => keepTopK(new Float32Array(3), 0), 'Expected topK to be a positive integer, got 0'],
  [() => keepTopP(new Float32Array(3), 1.1), 'Expected topP to be a number of (0, 1], got 1.1'],
  [() => applyTemperature(new Float32Array(3), 0), 'Expected temperature to be a positive number, got 0'],
  [
    () => penalizeRepetition(new Float32Array(3), [], 0.5),
    'Expected repetitionPenalty to be a number of at least 1, got 0.5',
  ],
  [() => banTokens(new Float32Array(3), [3]), 'Expected banned token to be an id from 0 to 2, got 3'],
])('an option out of range is refused: %#', (call, message) => {
  expect(call).toThrow(message);
});
