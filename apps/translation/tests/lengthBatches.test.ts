import { describe, expect, it } from 'vitest';
import { batchesOf, pairBatches } from '../src/lengthBatches.js';

describe('batchesOf', () => {
  it('keeps the order, and lets an item of any length be a batch', () => {
    const lengths = [20_000, 9000, 8000, 1, 1];
    expect([...batchesOf(lengths, (length) => length)]).toEqual([[20_000], [9000], [8000, 1], [1]]);
    expect([...batchesOf(Array<number>(200).fill(1), (length) => length)].map(({ length }) => length)).toEqual([
      96, 96, 8,
    ]);
  });
});

describe('pairBatches', () => {
  it('begins with the longest targets, and counts the longer side of each pair', () => {
    const pairs = [
      [3, 2],
      [9000, 3],
      [1, 8000],
    ].map(([source, target]) => ({ source: new Int32Array(source), target: new Int32Array(target) }));
    expect([...pairBatches(pairs)]).toEqual([[2], [1], [0]]);
    expect([...pairBatches(pairs.slice(0, 1))]).toEqual([[0]]);
  });
});
