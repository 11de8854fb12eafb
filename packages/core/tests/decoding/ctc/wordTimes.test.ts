import { describe, expect, it } from 'vitest';
import { wordTimes } from '../../../src/index.js';

const symbols = ['', ' ', 'a', 'b'];
const span = (symbol: number, start: number, confidence = 1) => ({ symbol, start, end: start + 1, confidence });

describe('wordTimes', () => {
  it('joins the symbols between separators, however many there are', () => {
    const spans = [span(1, 0), span(2, 2, 0.9), span(3, 5, 0.4), span(1, 6), span(1, 8), span(3, 9, 0.5), span(1, 12)];
    expect(wordTimes(spans, { symbols, separator: 1, secondsPerFrame: 0.5, offset: 10 })).toEqual([
      { word: 'ab', start: 11, end: 13, confidence: expect.closeTo(0.6, 10) },
      { word: 'b', start: 14.5, end: 15, confidence: 0.5 },
    ]);
  });

  it('takes each symbol as a word where there is no separator', () => {
    const words = wordTimes([span(2, 0), span(3, 1)], { symbols, separator: -1, secondsPerFrame: 1 });
    expect(words.map(({ word, start }) => [word, start])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  it('names what is wrong', () => {
    expect(() => wordTimes([], { symbols, separator: 1, secondsPerFrame: 0 })).toThrow(
      'Expected secondsPerFrame to be a positive number, got 0',
    );
    const start = { symbols, separator: 1, secondsPerFrame: 1, start: 2 };
    expect(() => wordTimes([], start)).toThrow('Expected an option that wordTimes knows, got start');
  });
});
