import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combineScorers,
  hotWordScorer,
  insertionBonus,
  lexiconScorer,
  symbolScorer,
  weighted,
  wordScorer,
  type LanguageScorer,
} from '../../../src/index.js';
import { scoreOf } from './scores.js';

/** A model of strings that hates a word the more the longer it is, and remembers how many there were. */
const lengths: LanguageScorer<string, number> = {
  start: () => 0,
  next: (count, word) => ({ logProbability: -word.length - 10 * count, state: count + 1 }),
  finish: (count) => -0.5 * count,
};
const symbols = ['', ' ', 'a', 'b', 'c'];
const [SPACE, A, B, C] = [1, 2, 3, 4];
const anyText = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 12 });
const wordsOf = (text: readonly number[]) =>
  text
    .map((symbol) => symbols[symbol])
    .join('')
    .split(' ')
    .filter((word) => word !== '');

describe('wordScorer', () => {
  it('gives a text the score of its words, wherever separators stand', () => {
    const scorer = wordScorer(lengths, { symbols, separator: SPACE });
    fc.assert(
      fc.property(anyText, (text) => {
        const words = wordsOf(text);
        const wanted = words.reduce((sum, word, place) => sum - word.length - 10 * place, -0.5 * words.length);
        expect(scoreOf(scorer, text)).toBeCloseTo(wanted, 9);
      }),
    );
  });

  it('names a separator that is no symbol', () => {
    expect(() => wordScorer(lengths, { symbols, separator: 5 })).toThrow(
      'Expected separator to be an integer of [0, 5), got 5',
    );
  });
});

describe.each([
  ['symbolScorer', symbolScorer(lengths, ['', 'x'])],
  ['wordScorer', wordScorer(lengths, { symbols: ['', 'x'], separator: 0 })],
])('%s', (_, scorer) => {
  it('refuses a symbol that nothing was named for', () => {
    const score = () => scoreOf(scorer as LanguageScorer, [1, 2]);
    expect(score).toThrow('Expected a text for symbol 2, got those of 2 symbols');
  });
});

describe('symbolScorer', () => {
  it('names each symbol to the model', () => {
    expect(scoreOf(symbolScorer(lengths, ['', 'x', 'long']), [2, 1])).toBe(-4 - 11 - 1);
  });
});

describe('insertionBonus', () => {
  it('counts words, or symbols where there is no separator', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(scoreOf(insertionBonus(2, { separator: SPACE }), text)).toBe(2 * wordsOf(text).length);
        expect(scoreOf(insertionBonus(2), text)).toBe(2 * text.length);
      }),
    );
    expect(() => insertionBonus(NaN)).toThrow('Expected bonus to be a finite number, got NaN');
  });
});

describe('lexiconScorer', () => {
  const lexicon = lexiconScorer([[A], [A, B], [C, C]], { separator: SPACE });
  it.each([
    [[], 0],
    [[A], 0],
    [[A, B, SPACE, C, C], 0],
    [[A, SPACE], 0],
    [[C], -Infinity],
    [[B], -Infinity],
    [[A, B, C], -Infinity],
    [[SPACE, A], -Infinity],
    [[A, SPACE, SPACE, A], -Infinity],
    [[C, SPACE], -Infinity],
  ])('gives %j %d', (text, score) => {
    expect(scoreOf(lexicon, text)).toBe(score);
  });

  it('names what is wrong', () => {
    expect(() => lexiconScorer([[A, SPACE]], { separator: SPACE })).toThrow(
      'Expected a word of the lexicon to be symbols other than the separator 1, got [2, 1]',
    );
    expect(() => lexiconScorer([], { separator: SPACE })).toThrow('Expected a lexicon of at least one word, got none');
  });
});

describe('hotWordScorer', () => {
  const phrases = [
    { symbols: [A, B], boost: 3 },
    { symbols: [B, A, B], boost: 5 },
    { symbols: [A, SPACE, C], boost: 7 },
    { symbols: [C], boost: 0.5 },
  ];
  const occurrences = (text: readonly number[], phrase: readonly number[]) =>
    text.filter((_, place) => phrase.every((symbol, at) => text[place + at] === symbol)).length;

  it('gives a whole text the boosts of its occurrences and no more', () => {
    const scorer = hotWordScorer(phrases);
    fc.assert(
      fc.property(anyText, (text) => {
        const wanted = phrases.reduce((sum, phrase) => sum + phrase.boost * occurrences(text, phrase.symbols), 0);
        expect(scoreOf(scorer, text)).toBeCloseTo(wanted, 9);
      }),
      { numRuns: 500 },
    );
  });

  it('counts whole words only where it knows the separator', () => {
    const scorer = hotWordScorer(phrases, { separator: SPACE });
    fc.assert(
      fc.property(anyText, (text) => {
        const whole = [SPACE, ...text, SPACE];
        const wanted = phrases.reduce(
          (sum, phrase) => sum + phrase.boost * occurrences(whole, [SPACE, ...phrase.symbols, SPACE]),
          0,
        );
        expect(scoreOf(scorer, text)).toBeCloseTo(wanted, 9);
      }),
      { numRuns: 500 },
    );
  });

  it('lends the boost while a phrase is being said, and takes it back', () => {
    const scorer = hotWordScorer([{ symbols: [A, B, C], boost: 6 }]);
    const steps = [A, B, B].reduce<{ state: unknown; scores: number[] }>(
      ({ state, scores }, symbol) => {
        const next = scorer.next(state as never, symbol);
        return { state: next.state, scores: [...scores, next.logProbability] };
      },
      { state: scorer.start(), scores: [] },
    );
    expect(steps.scores).toEqual([2, 2, -4]);
  });

  it('names what is wrong', () => {
    expect(() => hotWordScorer([{ symbols: [A], boost: 0 }])).toThrow('Expected boost to be a positive number, got 0');
    expect(() => hotWordScorer([{ symbols: [A, SPACE], boost: 1 }], { separator: SPACE })).toThrow(
      'Expected a hot phrase to be symbols that neither begin nor end with the separator, got [2, 1]',
    );
    const wrong = { seperator: SPACE } as never;
    const message = /knows, got seperator; did you mean separator\?/;
    expect(() => hotWordScorer([], wrong)).toThrow(message);
    expect(() => insertionBonus(1, wrong)).toThrow(message);
    expect(() => lexiconScorer([[A]], wrong)).toThrow(message);
    expect(() => wordScorer(lengths, wrong)).toThrow(message);
  });
});

describe('weighted and combineScorers', () => {
  it('scale and add, and keep what is forbidden forbidden', () => {
    const words = wordScorer(lengths, { symbols, separator: SPACE });
    const bonus = insertionBonus(2, { separator: SPACE });
    const lexicon = weighted(lexiconScorer([[A], [B]], { separator: SPACE }), 0);
    const all = combineScorers(weighted(words, 0.5), bonus, lexicon);
    const text = [A, SPACE, B];
    expect(scoreOf(all, text)).toBeCloseTo(0.5 * scoreOf(words, text) + 4, 10);
    expect(scoreOf(all, [A, C])).toBe(-Infinity);
    expect(() => weighted(bonus, -1)).toThrow('Expected weight to be a number of at least 0, got -1');
  });
});
