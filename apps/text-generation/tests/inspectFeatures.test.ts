import { expect, test } from 'vitest';
import { textFeatures } from '../src/inspectFeatures.js';

/** The values of one feature, a digit or letter for each character. */
function values(name: string, text: string): string {
  const feature = textFeatures(Array.from(text)).find((one) => one.name === name)!;
  return Array.from(feature.values, (value) => Math.round(feature.kind === 'number' ? Math.expm1(value) : value)).join(
    '',
  );
}

test.each([
  ['inside quotation marks', 'a "b" “c”\n"d\n\ne', '001100110011100'],
  ['inside parentheses', 'a (b (c) d) e', '0011111111000'],
  ['inside a word', 'ab, é1', '110010'],
  ['letters of the word so far', 'abc de', '123012'],
  ['a capital letter', 'aBÉc', '0110'],
  ['in a run of capitals', 'ABc DE', '010001'],
  ['a vowel', 'bae.', '0110'],
  ['a digit', 'a1', '01'],
  ['a punctuation mark', 'a,“', '011'],
  ['white space', 'a \n', '011'],
  ['the beginning of a line', 'a\nb', '010'],
  ['position in the line', 'abc\nd', '12301'],
  ['at most five characters before the line end', 'abcdefg\nh', '001111100'],
  ['lines since a blank line', 'a\nb\n\nc\nd', '01120011'],
  ['words since the end of a sentence', 'a b. c', '112001'],
])('%s is seen where it holds', (name, text, wanted) => {
  expect(values(name, text)).toBe(wanted);
});

test('a token of several characters has the features of its last one', () => {
  const feature = textFeatures([' the', ' (', 'cat', ')']).find((one) => one.name === 'inside parentheses')!;
  expect(Array.from(feature.values)).toEqual([0, 1, 1, 0]);
});
