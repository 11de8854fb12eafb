import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanPairs, type SentencePair } from '../../src/index.js';

const pair = (source: string, target: string): SentencePair => ({ source, target });

test('each pair is dropped for its first reason, and counted', () => {
  const { pairs, dropped } = cleanPairs(
    [
      pair('a dog', 'ein Hund'),
      pair(' \t', 'leer'),
      pair('one two three four five', 'eins zwei drei vier'),
      pair('one two three', 'eins'),
      pair('Paris', 'Paris'),
      pair('a dog', 'ein Hund'),
      pair('a dog', 'der Hund'),
    ],
    { maximumTokens: 4, maximumRatio: 2, identical: true },
  );
  expect(pairs).toEqual([pair('a dog', 'ein Hund'), pair('a dog', 'der Hund')]);
  expect(dropped).toEqual({ empty: 1, tooLong: 1, ratio: 1, identical: 1, duplicate: 1 });
});

test('without options only empty sides and duplicates go', () => {
  const long = 'word '.repeat(1000);
  const { pairs, dropped } = cleanPairs([pair(long, 'x'), pair('x', 'x'), pair('x', 'x'), pair('', 'x')]);
  expect(pairs).toEqual([pair(long, 'x'), pair('x', 'x')]);
  expect(dropped).toEqual({ empty: 1, tooLong: 0, ratio: 0, identical: 0, duplicate: 1 });
  expect(cleanPairs([pair('x', 'x'), pair('x', 'x')], { duplicates: false }).pairs).toHaveLength(2);
});

test('tokens are counted as told', () => {
  const countTokens = (text: string): number => text.length;
  expect(cleanPairs([pair('abc', 'ab'), pair('abcd', 'ab')], { maximumTokens: 3, countTokens }).pairs).toHaveLength(1);
});

test('what is kept and what is dropped make the whole, and cleaning twice changes nothing', () => {
  const side = fc.array(fc.constantFrom('a', 'b', ' '), { maxLength: 6 }).map((letters) => letters.join(' '));
  const options = { maximumTokens: 4, maximumRatio: 1.5, identical: true };
  fc.assert(
    fc.property(fc.array(fc.record({ source: side, target: side })), (list) => {
      const { pairs, dropped } = cleanPairs(list, options);
      expect(pairs.length + Object.values(dropped).reduce((sum, count) => sum + count)).toBe(list.length);
      expect(cleanPairs(pairs, options).pairs).toEqual(pairs);
    }),
  );
});

test('limits that make no sense are refused', () => {
  expect(() => cleanPairs([], { maximumTokens: 0 })).toThrow('Expected maximumTokens to be a positive integer, got 0');
  expect(() => cleanPairs([], { maximumRatio: 0.5 })).toThrow(
    'Expected maximumRatio to be a number of at least 1, got 0.5',
  );
});
