import { expected, InputError } from '../errors.js';

/** The reference of each sentence: one, or several that are equally right. */
export type References = readonly (string | readonly string[])[];

/** Translations and what they should have been, sentence by sentence. */
export interface TranslationPairs {
  hypotheses: readonly string[];
  /** As many as the hypotheses, in the same order. */
  references: References;
}

/** One hypothesis and its references, of which there is at least one. */
export interface Sentence {
  hypothesis: string;
  references: readonly string[];
}

/** Pairs every hypothesis with its references; throws an InputError where they do not go together. */
export function pairSentences({ hypotheses, references }: TranslationPairs): Sentence[] {
  checkSides(references, hypotheses);
  return hypotheses.map((hypothesis, index) => {
    const several = references[index];
    return { hypothesis: checkText(hypothesis, `hypothesis ${index}`), references: listOf(several, index) };
  });
}

/** Throws an InputError unless both sides are lists of one length. */
export function checkSides(references: unknown, hypotheses: unknown): void {
  if (!Array.isArray(hypotheses)) throw new InputError(expected('hypotheses', 'an array of strings', hypotheses));
  if (!Array.isArray(references)) throw new InputError(expected('references', 'an array', references));
  if (references.length !== hypotheses.length) {
    throw new InputError(expected('references', `as many as the hypotheses, ${hypotheses.length}`, references.length));
  }
}

export function checkText(text: unknown, what: string): string {
  if (typeof text !== 'string') throw new InputError(expected(what, 'a string', text));
  return text;
}

function listOf(references: string | readonly string[], index: number): readonly string[] {
  if (!Array.isArray(references)) return [checkText(references, `reference ${index}`)];
  if (references.length === 0) throw new InputError(`Expected sentence ${index} to have a reference, got none`);
  for (const reference of references) checkText(reference, `each reference of sentence ${index}`);
  return references;
}

/** White space as Unicode and Python's `str.split` know it; JavaScript's `\s` adds U+FEFF and lacks U+001C to U+001F and U+0085. */
const space = '[\\t-\\r\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const spaces = new RegExp(space, 'u');
const spacesAtStart = new RegExp(`^${space}`, 'u');

/** The pieces of a text between its white space. */
export function splitWords(text: string): string[] {
  return text.split(spaces).filter((word) => word !== '');
}

/** A text without the white space at its end. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && spaces.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** A text without the white space at both ends. */
export function trim(text: string): string {
  return trimEnd(text).replace(spacesAtStart, '');
}
