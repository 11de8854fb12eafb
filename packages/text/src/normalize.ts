import { ConfigError, expected, refuseUnknown } from '@cadenza/core';

/** The Unicode normalisation forms (UAX #15), or none. */
export const NORMALIZATION_FORMS = ['none', 'NFC', 'NFD', 'NFKC', 'NFKD'] as const;
export type NormalizationForm = (typeof NORMALIZATION_FORMS)[number];

/** How a text is made uniform before it is split into tokens. */
export interface Normalization {
  /** `NFC` unless told: one code point for é, however it was typed. */
  form?: NormalizationForm;
  /** Lower-cases by Unicode's own, language-independent mapping. */
  lowerCase?: boolean;
}

/** The text in one Unicode form and, when asked, in lower case. Doing it twice changes nothing more. */
export function normalizeText(text: string, normalization: Normalization = {}): string {
  refuseUnknown('normalizeText', normalization, ['form', 'lowerCase']);
  const { form = 'NFC', lowerCase = false } = normalization;
  if (!NORMALIZATION_FORMS.includes(form)) {
    throw new ConfigError(expected('normalisation form', `one of ${NORMALIZATION_FORMS.join(', ')}`, form));
  }
  const apply = (value: string): string => (form === 'none' ? value : value.normalize(form));
  // Lower case stands between: NFKC makes 'K' of the mathematical '𝐊', and the lower case of 'İ' is two code points.
  return lowerCase ? apply(apply(text).toLowerCase()) : apply(text);
}

/** Line ends as `\n`: Windows' `\r\n` and old Macintosh's `\r` become it. */
export function normalizeLineEnds(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}
