// Whoever compiles this from its source needs the declaration too, so it is named here.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./natural.d.ts" />
import { RegexpTokenizer } from 'natural/lib/natural/tokenizers/regexp_tokenizer.js';

/**
 * The code points of a text. A surrogate without its partner, which UTF-8 cannot hold but a string can, is a character
 * of its own, so that joining always gives the text back.
 */
export function splitCharacters(text: string): string[] {
  return Array.from(text);
}

/** How much is segmented at once, in code units: the time that Intl.Segmenter takes for a segment grows with the text. */
const WINDOW = 512;

/** The grapheme clusters of a text (UAX #29): what a reader calls one character, flags and joined emoji included. */
export function splitGraphemes(text: string): string[] {
  const clusters: string[] = [];
  let start = 0;
  let size = WINDOW;
  while (start < text.length) {
    let end = Math.min(start + size, text.length);
    if (/^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(end - 1, end + 1))) end++;
    const found = Array.from(graphemes.segment(text.slice(start, end)), ({ segment }) => segment);
    // The last cluster of a window may go on behind it.
    if (end < text.length) found.pop();
    for (const cluster of found) start += cluster.length;
    size = found.length > 0 ? WINDOW : 2 * size;
    for (const cluster of found) clusters.push(cluster);
  }
  return clusters;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Words, punctuation and white space, such that joining gives the text back: a word or a mark takes the one space before
 * it along (" the", " ("), a line end is a token, other white space is kept as it is. natural's own word tokenizers drop
 * what stands between words, and no rule gives it back; so this is its regular-expression tokenizer, which here matches
 * tokens (`gaps: false`) that leave nothing out.
 */
export function splitWords(text: string): string[] {
  return text === '' ? [] : (words.tokenize(text) ?? []);
}

const WORD = String.raw`[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*`;
const MARK = String.raw`([^\s\p{L}\p{M}\p{N}_])\1{0,2}`;
const LINE_END = String.raw`\r?\n|\r`;
// All but the last space before a word or mark, so that "  the" is " " and " the".
const SPACE = String.raw`[^\S\r\n]+(?= \S)|[^\S\r\n]+`;

const words = new RegexpTokenizer({
  pattern: new RegExp(` ?${WORD}| ?${MARK}|${LINE_END}|${SPACE}`, 'gu'),
  gaps: false,
});
