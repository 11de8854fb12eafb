import { expected, InputError } from '@cadenza/core';
import { compareCodePoints } from '../vocabulary.js';

/** The file of a truecaser. */
export interface TruecaserJson {
  format: 'cadenza-truecaser';
  version: 1;
  /** Each word as it is mostly written. */
  words: string[];
}

/**
 * Writes the first word of a sentence as it is written within sentences: `The` becomes `the`, `Paris` and German nouns
 * stay. So a word has one form wherever it stands, and no name is lost as lower-casing would lose it.
 */
export class Truecaser {
  private readonly forms = new Map<string, string>();

  /** @param words each in its usual form; of words that differ in case only, the last counts */
  constructor(words: Iterable<string>) {
    for (const word of words) this.forms.set(word.toLowerCase(), word);
  }

  /** Learns the most frequent form of each word from where it does not begin a sentence. */
  static train(sentences: Iterable<readonly string[]>): Truecaser {
    const counts = new Map<string, Map<string, number>>();
    for (const tokens of sentences) {
      const starts = new Set(sentenceStarts(tokens));
      tokens.forEach((token, index) => {
        if (starts.has(index) || !hasLetter(token)) return;
        const lower = token.toLowerCase();
        const forms = counts.get(lower) ?? new Map<string, number>();
        counts.set(lower, forms.set(token, (forms.get(token) ?? 0) + 1));
      });
    }
    return new Truecaser(Array.from(counts.values(), mostFrequent));
  }

  /** The tokens with the words that begin a sentence in their usual form; words never seen stay as they are. */
  apply(tokens: readonly string[]): string[] {
    const result = [...tokens];
    for (const index of sentenceStarts(tokens)) {
      result[index] = this.forms.get(tokens[index].toLowerCase()) ?? tokens[index];
    }
    return result;
  }

  toJSON(): TruecaserJson {
    return { format: 'cadenza-truecaser', version: 1, words: [...this.forms.values()].sort(compareCodePoints) };
  }

  static fromJSON(json: unknown): Truecaser {
    const file = json as Partial<TruecaserJson> | null;
    if (file?.format !== 'cadenza-truecaser' || file.version !== 1 || !Array.isArray(file.words)) {
      throw new InputError('Expected a truecaser of format cadenza-truecaser version 1, got another file');
    }
    if (!file.words.every((word) => typeof word === 'string')) {
      throw new InputError(expected('words of the truecaser', 'a list of strings', file.words));
    }
    return new Truecaser(file.words);
  }
}

/** The tokens with a capital at the beginning of each sentence. */
export function capitalizeSentences(tokens: readonly string[]): string[] {
  const result = [...tokens];
  for (const index of sentenceStarts(tokens)) {
    const [first] = result[index];
    const capital = first.toUpperCase();
    // 'ß' and ligatures have no capital of one letter and begin no sentence.
    if (Array.from(capital).length === 1) result[index] = capital + result[index].slice(first.length);
  }
  return result;
}

/** The first word with a letter of the line, and of what follows a sentence's end within it. */
function sentenceStarts(tokens: readonly string[]): number[] {
  const starts: number[] = [];
  let atStart = true;
  tokens.forEach((token, index) => {
    if (/^[.!?…]+$/.test(token)) atStart = true;
    else if (atStart && /^[\p{L}\p{N}]/u.test(token)) {
      if (hasLetter(token[0] + (token[1] ?? ''))) starts.push(index);
      atStart = false;
    }
  });
  return starts;
}

function hasLetter(token: string): boolean {
  return /\p{L}/u.test(token);
}

function mostFrequent(forms: ReadonlyMap<string, number>): string {
  const order = [...forms].sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(b, a));
  return order[0][0];
}
