import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import { languageRules, type LanguageRules } from './languageRules.js';
import { isLanguageTag } from './languageTag.js';

export interface SentenceOptions {
  /**
   * `end` (unless told): every line break ends a sentence, as in headings and lists. `wrapped`: single ones are spaces, as in
   * text broken at the margin, and only empty lines end a paragraph.
   */
  lineBreaks?: 'end' | 'wrapped';
  /** The most UTF-16 code units of a sentence; a longer one is cut at a comma, a space, or wherever; no limit unless told. */
  maximumLength?: number;
}

/** A text as its sentences and all that stands around them. */
export interface SplitText {
  sentences: string[];
  /** White space, one more than sentences: before the first, between any two, and after the last. */
  separators: string[];
}

/**
 * The sentences of a text, by the rules of Unicode (UAX #29) for its language. `Intl.Segmenter` is taken rather than
 * natural's `SentenceTokenizer` because that one ends a sentence at every period, loses the white space between them, and
 * alters texts with `$&` or `{{NUMBER_1}}` in them. What Unicode's rules do not know is added: known abbreviations and
 * initials before a capital, and German ordinals. With `lineBreaks: 'end'`, joining gives the text back exactly. A language
 * that is no tag has the common rules.
 */
export function splitSentences(text: string, language: string, options: SentenceOptions = {}): SplitText {
  refuseUnknown('splitSentences', options, ['lineBreaks', 'maximumLength']);
  const { lineBreaks = 'end', maximumLength = Infinity } = options;
  if (lineBreaks !== 'end' && lineBreaks !== 'wrapped') {
    throw new ConfigError(expected('lineBreaks', 'end or wrapped', lineBreaks));
  }
  if (maximumLength !== Infinity && !(Number.isInteger(maximumLength) && maximumLength >= 2)) {
    throw new ConfigError(expected('maximumLength', 'an integer of at least 2', maximumLength));
  }
  const flowing = lineBreaks === 'wrapped' ? withoutMargins(text) : text;
  const spans = sentenceSpans(flowing, language).flatMap((span) => cutSpan(flowing, span, maximumLength));
  const separators: string[] = [];
  let end = 0;
  for (const span of spans) {
    separators.push(flowing.slice(end, span.start));
    end = span.end;
  }
  separators.push(flowing.slice(end));
  return { sentences: spans.map((span) => flowing.slice(span.start, span.end)), separators };
}

/** The text that sentences, such as translated ones, make with what stood around the original ones. */
export function joinSentences(sentences: readonly string[], separators: readonly string[]): string {
  if (separators.length !== sentences.length + 1) {
    throw new ConfigError(expected('separators', `one more than ${sentences.length} sentences`, separators.length));
  }
  return separators[0] + sentences.map((sentence, index) => sentence + separators[index + 1]).join('');
}

interface Span {
  start: number;
  end: number;
}

/** Where sentences begin and end, white space left out. */
function sentenceSpans(text: string, language: string): Span[] {
  const rules = languageRules(language);
  const german = /^de\b/i.test(language);
  const spans: Span[] = [];
  let goesOn = false; // the sentence before has not ended
  for (const { segment, index } of segmentsOf(text, language)) {
    const content = segment.trim();
    if (content === '') {
      if (/[\n\r\u2028\u2029]/.test(segment)) goesOn = false;
      continue;
    }
    const start = index + segment.indexOf(content);
    const end = start + content.length;
    if (goesOn) spans[spans.length - 1].end = end;
    else spans.push({ start, end });
    const space = text.slice(end, index + segment.length);
    goesOn = !/[\n\r\u0085\u2028\u2029]/.test(space) && isUnfinished(content, rules, german);
  }
  return spans;
}

/** Segments of each paragraph by itself: none goes on behind a paragraph. */
function* segmentsOf(text: string, language: string): Generator<{ segment: string; index: number }> {
  const segmenter = segmenterOf(language);
  for (const { 0: paragraph, index: start } of text.matchAll(
    /[^\n\r\u0085\u2028\u2029]*(?:\r\n|[\n\r\u0085\u2028\u2029]|$)/g,
  )) {
    let place = start;
    for (const segment of paragraphSegments(paragraph, segmenter)) {
      yield { segment, index: place };
      place += segment.length;
    }
  }
}

/** How much is segmented at once, in code units: the time that Intl.Segmenter takes for a segment grows with the text. */
const WINDOW = 2048;

/** What decides whether a sentence has ended before it: a letter, or another sentence's end (UAX #29, rule SB8). */
const DECISIVE = /[\p{Lu}\p{Ll}\p{Lo}\p{Sentence_Terminal}]/u;

/** The segments of a paragraph, found in windows, each of which begins where the last certain segment before it ended. */
function* paragraphSegments(paragraph: string, segmenter: Intl.Segmenter): Generator<string> {
  let start = 0;
  let size = WINDOW;
  while (start < paragraph.length) {
    const end = Math.min(start + size, paragraph.length);
    const found = Array.from(segmenter.segment(paragraph.slice(start, end)), ({ segment }) => segment);
    // What follows a window may lengthen its last segment, and joins to that the one before while nothing decisive came.
    for (let rest = end < paragraph.length ? found.pop() : undefined; rest !== undefined;) {
      rest = DECISIVE.test(rest) ? undefined : found.pop();
    }
    for (const segment of found) start += segment.length;
    size = found.length > 0 ? WINDOW : 2 * size;
    yield* found;
  }
}

function segmenterOf(language: string): Intl.Segmenter {
  const tag = isLanguageTag(language) ? language.replaceAll('_', '-') : 'en';
  return new Intl.Segmenter(tag, { granularity: 'sentence' });
}

/** Whether a period at the end belongs to an abbreviation, an initial or a German ordinal. */
function isUnfinished(content: string, { abbreviations }: LanguageRules, german: boolean): boolean {
  const word = /(?:^|[\s(["'“„«])([^\s(["'“„«]+)\.$/u.exec(content)?.[1];
  if (word === undefined) return false;
  if (/^\p{Lu}$/u.test(word)) return word !== 'I'; // J. S. Bach, but not "It was I."
  return abbreviations.includes(word.toLowerCase()) || (german && /^\d{1,2}$/.test(word));
}

/** The text with each line break that no other one follows or precedes as spaces. */
function withoutMargins(text: string): string {
  return text.replace(/(?<![\n\r][^\S\n\r]*)(?:\r\n|\n|\r)(?![^\S\n\r]*(?:[\n\r]|$))/g, (end) =>
    ' '.repeat(end.length),
  );
}

/** Parts of a sentence no longer than the limit: cut after a mark before a space, else at a space, else anywhere. */
function cutSpan(text: string, { start, end }: Span, limit: number): Span[] {
  const parts: Span[] = [];
  let from = start;
  while (end - from > limit) {
    const window = text.slice(from, from + limit + 1);
    const cut =
      lastMatch(window, /[,;:–—…](?=\s)/g) || lastMatch(window, /\S(?=\s)/g) || wholeCharacters(window, limit);
    parts.push({ start: from, end: from + cut });
    from += cut;
    while (from < end && /\s/.test(text[from])) from++;
  }
  if (from < end) parts.push({ start: from, end });
  return parts;
}

/** How much of a text the last match of a pattern ends, 0 without any. */
function lastMatch(text: string, pattern: RegExp): number {
  let end = 0;
  for (const match of text.matchAll(pattern)) end = match.index + match[0].length;
  return end;
}

/** As many code units as the limit, or one less where that would cut a surrogate pair. */
function wholeCharacters(text: string, limit: number): number {
  const last = text.charCodeAt(limit - 1);
  return last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit;
}
