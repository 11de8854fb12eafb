// Whoever compiles this from its source needs the declaration too, so it is named here.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="../natural.d.ts" />
import { RegexpTokenizer } from 'natural/lib/natural/tokenizers/regexp_tokenizer.js';
import { languageRules, type LanguageRules } from './languageRules.js';

/**
 * Cuts lines of one language into words and marks. natural's tokenizers for languages (`AggressiveTokenizer` of en, de,
 * fr, pt, es) drop all marks, its `TreebankWordTokenizer` cuts at every letter beyond ASCII, and its `WordPunctTokenizer`
 * at those beyond Latin-1; none can be put together again. So this is its regular-expression tokenizer with a pattern for
 * each language that takes every character but white space into some token.
 */
export function wordSplitter(language: string): (line: string) => string[] {
  const tokenizer = new RegexpTokenizer({ pattern: wordPattern(languageRules(language)), gaps: false });
  return (line) => tokenizer.tokenize(line) ?? [];
}

const CHARACTER = String.raw`[\p{L}\p{M}\p{N}_]`;
/** Emoji with all that belongs to them: skin tones, flags, joiners, variation selectors. */
const PICTURES = String.raw`(?:\p{Extended_Pictographic}|[\u{1F1E6}-\u{1F1FF}\u{1F3FB}-\u{1F3FF}\u200D\uFE0F])+`;
// No more than 64 before the @ (RFC 5321, section 4.5.3.1.1), or long lines of marks would be read over and over.
const ADDRESS = String.raw`(?:https?:\/\/|www\.)\S*[^\s\p{P}]\/?|[\p{L}\p{N}._%+\-]{1,64}@[\p{L}\p{N}\-]+(?:\.[\p{L}\p{N}\-]+)+`;
const ENTITY = String.raw`&(?:#\d+|[A-Za-z]+);`;
/** R$, US$ */
const DOLLARS = String.raw`(?<!${CHARACTER})\p{Lu}{1,2}\$`;
/** U.S., z.B., p.ex. */
const LETTERS_WITH_PERIODS = String.raw`\p{L}\.(?:\p{L}{1,2}\.)+`;
/** The beginning of „Stop“-Schild's second half. */
const AFTER_QUOTE = String.raw`(?<=["”“»«)])[-‐‑](?=\p{L})`;
const REPEATED_MARK = String.raw`([^\s\p{L}\p{M}\p{N}_])\1*`;

function wordPattern(rules: LanguageRules): RegExp {
  // Within a word: well-known, and/or, AT&T, example.com; between digits also 1,000 and 12:30.
  const inner = [String.raw`(?:[-‐‑/+@·.]|(?!${ENTITY})&)(?=${CHARACTER})`, String.raw`(?<=\p{N})[,:'’](?=\p{N})`];
  if (rules.apostrophe !== 'before') inner.push(String.raw`['’](?=\p{L})`);
  const whole = `${CHARACTER}+(?:(?:${inner.join('|')})${CHARACTER}+)*`;
  const word = String.raw`${whole}(?:[-‐‑](?=\s))?`; // Ess- und Wohnzimmer
  const signed = String.raw`(?<!\S)[-−+](?=\p{N})${word}`;
  const parts = [
    ADDRESS,
    ENTITY,
    PICTURES,
    DOLLARS,
    abbreviations(rules),
    LETTERS_WITH_PERIODS,
    signed,
    AFTER_QUOTE + word,
  ];
  if (rules.apostrophe === 'before') parts.push(String.raw`(?<=[\p{L}\p{N}])['’]\p{L}+`);
  if (rules.apostrophe === 'elided') parts.push(String.raw`(?<!${CHARACTER})(?:${anyCase(rules.elided)})['’](?=\p{L})`);
  return new RegExp([...parts, word, REPEATED_MARK, String.raw`\S`].join('|'), 'gu');
}

/** Known abbreviations with their period, where they are not the end of a longer word. */
function abbreviations({ abbreviations: list }: LanguageRules): string {
  return String.raw`(?<!${CHARACTER}|['’.\-])(?:${anyCase(list)})\.(?!${CHARACTER})`;
}

/** The words, the longest first, each in lower case, with a capital, or in capitals. */
function anyCase(list: readonly string[]): string {
  const forms = list.flatMap((word) => [word, word[0].toUpperCase() + word.slice(1), word.toUpperCase()]);
  const longestFirst = [...new Set(forms)].sort((a, b) => b.length - a.length);
  return longestFirst.map((word) => word.replaceAll('.', '\\.')).join('|');
}
