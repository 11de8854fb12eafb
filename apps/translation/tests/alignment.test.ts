import { describe, expect, it } from 'vitest';
import { mostAttended, pharaohPairs, softPairs, strongestLinks, wordAlignment } from '../src/alignment.js';

// Two source words of three subwords, and the end token; three target subwords of two words, then the end token's row.
const sourceWords = Int32Array.of(0, 0, 1);
const targetWords = Int32Array.of(0, 1, 1);
const attention = Float32Array.of(
  ...[0.25, 0.5, 0.125, 0.125], // word 0
  ...[0, 0, 1, 0], // word 1
  ...[0.5, 0.25, 0.25, 0], // word 1
  ...[0, 0, 0, 1],
);

describe('wordAlignment', () => {
  it('adds up the weights of a source word and takes the mean over a target word', () => {
    expect(wordAlignment(attention, sourceWords, targetWords)).toEqual([
      { source: 0, target: 0, weight: 0.75 },
      { source: 1, target: 0, weight: 0.125 },
      { source: 0, target: 1, weight: 0.375 },
      { source: 1, target: 1, weight: 0.625 },
    ]);
  });

  it('leaves out what is below a hundredth, and says nothing of an empty translation', () => {
    expect(wordAlignment(Float32Array.of(0.995, 0.005, 0), Int32Array.of(0, 1), Int32Array.of(0))).toHaveLength(1);
    expect(wordAlignment(attention, sourceWords, new Int32Array(0))).toEqual([]);
  });
});

describe('links', () => {
  const points = wordAlignment(attention, sourceWords, targetWords);

  it('are the most attended source word of each target word', () => {
    expect(strongestLinks(points).map(({ source, target }) => [source, target])).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(pharaohPairs(points)).toBe('0-0 1-1');
    expect(softPairs(points)).toBe('0-0:0.75 1-0:0.13 0-1:0.38 1-1:0.63');
  });

  it('of a subword sum over the subwords of each source word', () => {
    expect([0, 1, 2].map((row) => mostAttended(attention, sourceWords, row))).toEqual([0, 1, 0]);
    expect(mostAttended(Float32Array.of(1), new Int32Array(0), 0)).toBe(-1);
  });
});
