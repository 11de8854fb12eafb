import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NORMALIZATION_FORMS, normalizeLineEnds, normalizeText, type NormalizationForm } from '../src/index.js';
import { unicodeText } from './strings.js';

test('NFC composes, NFD decomposes, NFKC also unfolds a ligature, and none leaves the text', () => {
  expect(normalizeText('e\u0301 ﬁ')).toBe('é ﬁ');
  expect(normalizeText('é ﬁ', { form: 'NFD' })).toBe('e\u0301 ﬁ');
  expect(normalizeText('e\u0301 ﬁ', { form: 'NFKC' })).toBe('é fi');
  expect(normalizeText('e\u0301 ﬁ', { form: 'none' })).toBe('e\u0301 ﬁ');
});

test('lower-casing maps Unicode letters', () => {
  expect(normalizeText('ÀΣ', { lowerCase: true })).toBe('àς');
  expect(normalizeText('𝐊', { form: 'NFKC', lowerCase: true })).toBe('k');
});

test('normalising twice changes nothing more', () => {
  const forms = fc.constantFrom<NormalizationForm>(...NORMALIZATION_FORMS);
  fc.assert(
    fc.property(unicodeText(), forms, fc.boolean(), (text, form, lowerCase) => {
      const once = normalizeText(text, { form, lowerCase });
      expect(normalizeText(once, { form, lowerCase })).toBe(once);
    }),
  );
});

test('an unknown form is refused by name', () => {
  expect(() => normalizeText('a', { form: 'NFX' as NormalizationForm })).toThrow(
    'Expected normalisation form to be one of none, NFC, NFD, NFKC, NFKD, got "NFX"',
  );
});

test('every kind of line end becomes a line feed', () => {
  expect(normalizeLineEnds('a\r\nb\rc\n\r\n')).toBe('a\nb\nc\n\n');
});
