import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedUtilities, pairwiseBleu, sentenceBleu } from '../../src/index.js';

describe('expectedUtilities', () => {
  it('is the mean of the utilities by the probabilities of what may be wanted', () => {
    const table = [
      [1, 0.5, 0],
      [0.25, 1, 0.75],
      [0, 0.5, 1],
    ];
    const scores = [Math.log(0.2) - 3, Math.log(0.5) - 3, Math.log(0.3) - 3]; // they need not add up to 1
    const expected = expectedUtilities(scores, (candidate, wanted) => table[candidate][wanted]);
    [0.45, 0.775, 0.55].forEach((value, index) => expect(expected[index]).toBeCloseTo(value, 12));
  });

  it('is the best for the likeliest where nothing but the very same is of use', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ min: -30, max: 0, noNaN: true }), { minLength: 1, maxLength: 9 }),
        (scores) => {
          const expected = expectedUtilities(scores, (candidate, wanted) => Number(candidate === wanted));
          const sum = expected.reduce((a, b) => a + b, 0);
          expect(sum).toBeCloseTo(1, 10);
          expect(expected[scores.indexOf(Math.max(...scores))]).toBe(Math.max(...expected));
        },
      ),
    );
  });

  it('never asks for the use of what is impossible, and refuses scores that are no numbers', () => {
    const asked: number[] = [];
    const utility = (_: number, wanted: number): number => asked.push(wanted);
    expectedUtilities([0, -Infinity], utility);
    expect(asked).toEqual([0, 0]);
    expect(expectedUtilities([], utility)).toHaveLength(0);
    expect(() => expectedUtilities([0, NaN], utility)).toThrow('Expected scores to be numbers below infinity, got NaN');
    const impossible = () => expectedUtilities([-Infinity, -Infinity], utility);
    expect(impossible).toThrow('Expected scores of which one at least is above -Infinity, got none such');
  });
});

describe('pairwiseBleu', () => {
  it('is the BLEU of one sentence against another', () => {
    const word = fc.constantFrom('a', 'b', 'B', 'c,', 'd');
    const texts = fc.array(
      fc.array(word, { maxLength: 7 }).map((words) => words.join(' ')),
      { minLength: 1, maxLength: 4 },
    );
    const options = fc.constantFrom({}, { smoothing: 'add-k', tokenize: 'none' } as const, { lowercase: true });
    fc.assert(
      fc.property(texts, options, (list, settings) => {
        const score = pairwiseBleu(list, settings);
        list.forEach((hypothesis, i) =>
          list.forEach((reference, j) => {
            expect(score(i, j)).toBe(sentenceBleu(hypothesis, reference, settings).score);
          }),
        );
      }),
    );
  });
});
