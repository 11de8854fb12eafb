import { splitWords, trimEnd } from './sentences.js';

/**
 * How BLEU cuts a sentence into words, by sacreBLEU's names: `13a` as NIST's mteval-v13a.pl, WMT's measure; `intl` as
 * mteval-v14.pl does for all of Unicode; `none` where the text is already cut by white space.
 */
export type BleuTokenizer = '13a' | 'intl' | 'none';

export const bleuTokenizers: Record<BleuTokenizer, (sentence: string) => string[]> = {
  '13a': (sentence) => splitWords(separateAsciiPunctuation(` ${unescapeMarkup(trimEnd(sentence))} `)),
  intl: (sentence) => splitWords(separateUnicodePunctuation(trimEnd(sentence))),
  none: splitWords,
};

/** mteval-v13a's part that knows no language: tags, lines, entities. */
function unescapeMarkup(text: string): string {
  return unescapeEntities(text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' '));
}

/** The four entities that mteval and Tercom know, in the order in which they read them. */
export function unescapeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');
}

/** Spaces around ASCII's punctuation but for the apostrophe and the dash; see the two functions it consists of. */
function separateAsciiPunctuation(text: string): string {
  return separatePeriods(separateSymbols(text));
}

/** Spaces around ASCII's symbols, all but the apostrophe, comma, dash and period. */
export function separateSymbols(text: string): string {
  return text.replace(/[ -&(-+/:-@[-`{-~]/g, ' $& ');
}

/** Spaces around a comma or period except between digits, and before a dash that follows a digit. */
export function separatePeriods(text: string): string {
  return text
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/g, '$1 $2 ');
}

/** Spaces around punctuation except between digits, and around every symbol. A period after a number at the very end stays. */
function separateUnicodePunctuation(text: string): string {
  return text
    .replace(/(\P{N})(\p{P})/gu, '$1 $2 ')
    .replace(/(\p{P})(\P{N})/gu, ' $1 $2')
    .replace(/\p{S}/gu, ' $& ');
}
