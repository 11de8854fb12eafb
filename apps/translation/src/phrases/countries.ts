import type { SentenceLanguage } from './grammar.js';

/**
 * How each language treats the countries that may stand in a sentence: Portuguese article (`-` for none), German `die`
 * or `plural`, French gender. Countries whose article people disagree about (Luxembourg, Morocco, Senegal), whose name
 * is declined in German (the United States, the United Kingdom) or that have no article in French (Cuba, Israel) are
 * left out; their bare names are among the names that need no template.
 */
// prettier-ignore
const table: Record<string, string> = {
  PT: '- - m', BR: 'o - m', DE: 'a - f', FR: 'a - f', ES: 'a - f', IT: 'a - f', NL: 'os plural plural', CH: 'a die f',
  AT: 'a - f', BE: 'a - f', IE: 'a - f', DK: 'a - m', SE: 'a - f', NO: 'a - f', FI: 'a - f', IS: 'a - f',
  PL: 'a - f', CZ: 'a - f', SK: 'a die f', HU: 'a - f', RO: 'a - f', BG: 'a - f', GR: 'a - f', HR: 'a - f',
  RS: 'a - f', UA: 'a die f', TR: 'a die f', EG: 'o - f', TN: 'a - f', AO: '- - m', MZ: '- - m', KE: 'o - m',
  NG: 'a - m', ZA: 'a - f', CA: 'o - m', MX: 'o - m', AR: 'a - f', CL: 'o - m', PE: 'o - m', CO: 'a - f',
  UY: 'o - m', BO: 'a - f', EC: 'o - m', VE: 'a - m', PY: 'o - m', JP: 'o - m', CN: 'a - f', IN: 'a - f',
  KR: 'a - f', TH: 'a - f', VN: 'o - m', ID: 'a - f', MY: 'a - f', PH: 'as plural plural', AU: 'a - f', NZ: 'a - f',
  AM: 'a - f', KZ: 'o - m', EE: 'a - f', LV: 'a - f', LT: 'a - f', SI: 'a - f', AL: 'a - f', DZ: 'a - f',
  ET: 'a - f', NP: 'o - m',
};

const englishArticles: Record<string, string> = { NL: 'the', PH: 'the' };
const spanishArticles: Record<string, string> = { NL: 'los' };

/** ISO 3166 codes of the countries that may stand in sentences. */
export const countryCodes: string[] = Object.keys(table);

/** The article of a country in each language, '' for none, in the terms of that language's grammar. */
export function countryArticles(code: string): Record<SentenceLanguage, string> {
  const [pt, de, fr] = table[code].split(' ').map((article) => (article === '-' ? '' : article));
  return { en: englishArticles[code] ?? '', pt, de, fr, es: spanishArticles[code] ?? '' };
}
