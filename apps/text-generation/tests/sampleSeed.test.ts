import { expect, it } from 'vitest';
import { sampleSeed } from '../src/sampleSeed.js';

const greatest = Number.MAX_SAFE_INTEGER;

it.each([
  [0, 0, 0],
  [5, 0, 5],
  [5, 3, 8],
  [greatest - 2, 2, greatest],
  [greatest, 0, greatest],
  [greatest, 1, 0],
  [greatest, 2, 1],
  [greatest - 1, 1000, 998],
])('The samples of seed %d: number %d has seed %d', (seed, index, wanted) => {
  expect(sampleSeed(seed, index)).toBe(wanted);
});
