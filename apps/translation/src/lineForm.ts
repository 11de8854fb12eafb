import { InputError } from '@cadenza/core';
import { LanguageTokenizer, normalizeText, type LanguageTokenizerJson, type NormalizationForm } from '@cadenza/text';
import type { Config } from './config.js';

/** The file of a line form. */
export type LineFormJson =
  | { kind: 'none'; normalization: NormalizationForm; lowerCase: boolean }
  | { kind: 'word'; tokenizer: LanguageTokenizerJson };

/** How a line of one language becomes words between single spaces, and how such words become a line again. */
export interface LineForm {
  /** The words of any line, without control characters; none for a line of white space. */
  words(line: string): string[];
  line(words: readonly string[]): string;
  toJSON(): LineFormJson;
}

/** Learns how lines of a language are cut into words; only the casing `true` has something to learn. */
export function trainLineForm({ text }: Config, language: string, lines: () => Iterable<string>): LineForm {
  const { tokenization, casing, normalization } = text;
  if (tokenization === 'none') return plainForm(normalization, casing === 'lower');
  return wordForm(LanguageTokenizer.train(language, lines(), { casing, form: normalization }));
}

export function lineFormFromJSON(json: LineFormJson): LineForm {
  if (json?.kind === 'none') return plainForm(json.normalization, json.lowerCase);
  if (json?.kind === 'word') return wordForm(LanguageTokenizer.fromJSON(json.tokenizer));
  throw new InputError(`Expected the kind of a line's form to be none or word, got ${JSON.stringify(json)}`);
}

function plainForm(normalization: NormalizationForm, lowerCase: boolean): LineForm {
  return {
    words: (line) => wordsBetweenSpaces(normalizeText(visible(line), { form: normalization, lowerCase })),
    line: (words) => words.join(' '),
    toJSON: () => ({ kind: 'none', normalization, lowerCase }),
  };
}

function wordForm(tokenizer: LanguageTokenizer): LineForm {
  return {
    words: (line) => tokenizer.tokenize(visible(line)),
    line: (words) => tokenizer.detokenize(words),
    toJSON: () => ({ kind: 'word', tokenizer: tokenizer.toJSON() }),
  };
}

function wordsBetweenSpaces(line: string): string[] {
  return line.split(/\s+/u).filter((word) => word !== '');
}

/** The line with spaces for control characters, byte order marks and halves of surrogate pairs, which no text needs. */
function visible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cs}\uFEFF]/gu, ' ');
}
