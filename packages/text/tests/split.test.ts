import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitText, splitTokens } from '../src/index.js';
import { unicodeText } from './strings.js';

test('the first nine tenths are for training, the last tenth for validation, as nanoGPT cuts', () => {
  // Python: int(1115394 * 0.9) == 1003854, the split of tinyshakespeare
  const split = splitTokens(new Int32Array(1115394));
  expect([split.train.length, split.validation.length, split.test.length]).toEqual([1003854, 111540, 0]);
});

test.each([10, 20, 100, 1000])(
  'of %i tokens a fifth is a fifth, though 1 - 0.8 is less in floating point',
  (length) => {
    const { train, validation } = splitTokens(new Int32Array(length), { validation: 0.8 });
    expect([train.length, validation.length]).toEqual([length / 5, (length * 4) / 5]);
  },
);

test('a test part stands at the end', () => {
  const split = splitTokens(
    Int32Array.from({ length: 10 }, (_, index) => index),
    { validation: 0.2, test: 0.1 },
  );
  expect(Array.from(split.train)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  expect(Array.from(split.validation)).toEqual([7, 8]);
  expect(Array.from(split.test)).toEqual([9]);
});

test('a text is cut in the same places, counted in code points', () => {
  fc.assert(
    fc.property(unicodeText({ minLength: 20, maxLength: 60 }), (text) => {
      fc.pre(Array.from(text).length >= 20);
      const options = { validation: 0.3, test: 0.1 };
      const points = Int32Array.from(Array.from(text, (point) => point.codePointAt(0)!));
      const byTokens = splitTokens(points, options);
      const byText = splitText(text, options);
      for (const part of ['train', 'validation', 'test'] as const) {
        expect(Array.from(byText[part], (point) => point.codePointAt(0))).toEqual(Array.from(byTokens[part]));
      }
      expect(byText.train + byText.validation + byText.test).toBe(text);
    }),
  );
});

test('fractions out of range and texts too short for a part are refused', () => {
  expect(() => splitTokens(new Int32Array(10), { validation: 1 })).toThrow(
    'Expected validation to be a fraction of [0, 1), got 1',
  );
  expect(() => splitTokens(new Int32Array(10), { validation: 0.5, test: 0.5 })).toThrow(/validation \+ test/);
  expect(() => splitText('a')).toThrow('Expected a text long enough for a train part, got 1 tokens');
  expect(() => splitText('abc', { test: 0.01, validation: 0.4 })).not.toThrow();
  expect(() => splitText('abcde', { test: 0, validation: 0 })).not.toThrow();
});
