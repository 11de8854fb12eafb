import { separatePeriods, separateSymbols, unescapeEntities } from './bleuTokenizers.js';
import { splitWords, trimEnd } from './sentences.js';

export interface TerTokenizerOptions {
  /** Whether punctuation is cut off the words; default false. */
  normalized?: boolean;
  /** Whether punctuation is left out; default false. */
  noPunctuation?: boolean;
  /** Whether `normalized` also cuts Chinese and Japanese into characters, and `noPunctuation` also drops their marks; default false. */
  asianSupport?: boolean;
  /** Whether letter case counts; default false. */
  caseSensitive?: boolean;
}

/** CJK radicals, strokes, enclosed letters, compatibility forms and ideographs: each one is a word. */
const IDEOGRAPHS = /[\u2e80-\u2eff\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f]/g;
const ASIAN_PUNCTUATION =
  /[\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09]/g;

/** Cuts a sentence into words as Tercom's normaliser does, so that its rates and sacreBLEU's are comparable. */
export function terTokens(sentence: string, options: Required<TerTokenizerOptions>): string[] {
  let text = trimEnd(sentence);
  if (text === '') return [];
  if (!options.caseSensitive) text = text.toLowerCase();
  if (options.normalized) text = normalize(text, options.asianSupport);
  if (options.noPunctuation) text = text.replace(/[.,?:;!"()]/g, '');
  if (options.noPunctuation && options.asianSupport) text = text.replace(ASIAN_PUNCTUATION, '');
  return splitWords(text);
}

function normalize(text: string, asianSupport: boolean): string {
  const line = unescapeEntities(text.replaceAll('\n-', '').replaceAll('\n', ' '));
  const western = separatePeriods(separateSymbols(` ${line} `).replaceAll("'s ", " 's "));
  return asianSupport ? western.replace(IDEOGRAPHS, ' $& ').replace(ASIAN_PUNCTUATION, ' $& ') : western;
}
