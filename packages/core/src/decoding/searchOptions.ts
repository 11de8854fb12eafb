import { ConfigError, expected } from '../errors.js';
import { choice, flag, integerFrom, numberIn, refuseUnknown } from '../options.js';
import type { LengthPenalty } from './searchScore.js';

/** What all searches take. */
export interface SearchOptions {
  /** B: the sentences of the initial state, which has one row for each. */
  sentences: number;
  /** What every sentence starts with (bos); the first token that the model reads. */
  startToken: number;
  /** What ends a sentence (eos). */
  endToken: number;
  /** The most tokens before the end token, for all or for each sentence; after them the end token is forced. */
  maxLength: number | ArrayLike<number>;
  /** The fewest tokens before the end token, for all or for each sentence; 0 unless told. */
  minLength?: number | ArrayLike<number>;
  /** Tokens never to choose, such as pad, bos and unk. The probabilities of the others stay the model's. */
  bannedTokens?: ArrayLike<number>;
  /** For each sentence the tokens that it has to begin with, perhaps none; they may be banned ones. */
  prefixes?: readonly ArrayLike<number>[];
  /** n: no n tokens in a row occur twice in a hypothesis (Paulus et al. 2018, section 2.5). 0, unless told: any may. */
  noRepeatNgramSize?: number;
  /** `none` unless told. */
  lengthPenalty?: LengthPenalty;
  /** beta of Wu et al. 2016, eq. 15, at least 0; needs a model that gives attention, and `sourceLengths`. 0 unless told. */
  coveragePenalty?: number;
  /** For each sentence how many of the model's source positions are its own; the others are padding. */
  sourceLengths?: ArrayLike<number>;
  /** Keep the attention of every hypothesis; needs a model that gives it. False unless told. */
  returnAttention?: boolean;
  /** Aborting makes the search throw the signal's reason before its next step. */
  signal?: AbortSignal;
}

const searchOptionNames = [
  ...['sentences', 'startToken', 'endToken', 'maxLength', 'minLength', 'bannedTokens', 'prefixes', 'noRepeatNgramSize'],
  ...['lengthPenalty', 'coveragePenalty', 'sourceLengths', 'returnAttention', 'signal'],
];

/** {@link SearchOptions}, checked, with every default in its place. */
export interface SearchSettings {
  sentences: number;
  startToken: number;
  endToken: number;
  maxLengths: Int32Array;
  minLengths: Int32Array;
  bannedTokens: Int32Array;
  prefixes: readonly Int32Array[];
  noRepeatNgramSize: number;
  lengthPenalty: LengthPenalty;
  coveragePenalty: number;
  sourceLengths?: Int32Array;
  returnAttention: boolean;
  signal?: AbortSignal;
}

/**
 * The most tokens for each sentence by the length of its source: floor(factor S + constant), at least 1. A translation of
 * twice its source's length and ten more is rare in any pair of languages.
 */
export function maximumLengths(sourceLengths: ArrayLike<number>, factor = 2, constant = 10): Int32Array {
  return Int32Array.from(sourceLengths, (length) => Math.max(1, Math.floor(factor * length + constant)));
}

/** Checks the options of a search before its first step. `own` names those that only this search has. */
export function searchSettings(
  options: SearchOptions,
  vocabularySize: number,
  owner: string,
  own: readonly string[],
): SearchSettings {
  refuseUnknown(owner, options, [...searchOptionNames, ...own]);
  const sentences = integerFrom(0, options.sentences, 'sentences');
  const endToken = tokenId(options.endToken, vocabularySize, 'endToken');
  const bannedTokens = Int32Array.from(options.bannedTokens ?? [], (id) =>
    tokenId(id, vocabularySize, 'a banned token'),
  );
  if (bannedTokens.includes(endToken)) {
    throw new ConfigError(`Expected bannedTokens to leave out the end token ${endToken}; no sentence could end`);
  }
  const settings: SearchSettings = {
    sentences,
    startToken: tokenId(options.startToken, vocabularySize, 'startToken'),
    endToken,
    maxLengths: perSentence(options.maxLength, sentences, 1, 'maxLength'),
    minLengths: perSentence(options.minLength ?? 0, sentences, 0, 'minLength'),
    bannedTokens,
    prefixes: prefixesOf(options, vocabularySize),
    noRepeatNgramSize: integerFrom(0, options.noRepeatNgramSize ?? 0, 'noRepeatNgramSize'),
    lengthPenalty: checkedPenalty(options.lengthPenalty ?? { kind: 'none' }),
    coveragePenalty: numberIn(options.coveragePenalty ?? 0, '[0,Infinity)', 'coveragePenalty'),
    sourceLengths: options.sourceLengths && perSentence(options.sourceLengths, sentences, 1, 'sourceLengths'),
    returnAttention: flag(options.returnAttention, false, 'returnAttention'),
    signal: options.signal,
  };
  checkTogether(settings);
  return settings;
}

function checkTogether({ maxLengths, minLengths, prefixes, coveragePenalty, sourceLengths }: SearchSettings): void {
  for (let sentence = 0; sentence < maxLengths.length; sentence++) {
    const most = maxLengths[sentence];
    const what = (name: string): string => `${name} of sentence ${sentence}`;
    if (minLengths[sentence] > most) {
      throw new ConfigError(expected(what('minLength'), `at most its maxLength ${most}`, minLengths[sentence]));
    }
    if (prefixes[sentence].length > most) {
      const length = prefixes[sentence].length;
      throw new ConfigError(expected(what('the length of the prefix'), `at most its maxLength ${most}`, length));
    }
  }
  if (coveragePenalty > 0 && !sourceLengths) {
    throw new ConfigError(
      'Expected sourceLengths beside coveragePenalty, got none: padding must not count as source left unread',
    );
  }
}

function prefixesOf({ prefixes, sentences, endToken }: SearchOptions, vocabularySize: number): Int32Array[] {
  if (prefixes === undefined) return Array.from({ length: sentences }, () => new Int32Array(0));
  if (prefixes.length !== sentences) {
    throw new ConfigError(expected('the number of prefixes', `that of sentences, ${sentences}`, prefixes.length));
  }
  return prefixes.map((prefix, sentence) =>
    Int32Array.from(prefix, (id) => {
      if (id === endToken) throw new ConfigError(`Expected prefix ${sentence} to be without the end token ${endToken}`);
      return tokenId(id, vocabularySize, `a token of prefix ${sentence}`);
    }),
  );
}

function perSentence(value: number | ArrayLike<number>, sentences: number, least: number, what: string): Int32Array {
  if (typeof value === 'number') return new Int32Array(sentences).fill(integerFrom(least, value, what));
  if (value?.length !== sentences) {
    const requirement = `a number, or one for each of ${sentences} sentences`;
    throw new ConfigError(expected(what, requirement, value == null ? value : `${value.length} of them`));
  }
  return Int32Array.from(value, (number, sentence) => integerFrom(least, number, `${what} of sentence ${sentence}`));
}

function checkedPenalty(penalty: LengthPenalty): LengthPenalty {
  refuseUnknown('lengthPenalty', penalty, ['kind', 'alpha']);
  const kind = choice(penalty.kind, ['gnmt', 'average', 'none'] as const, 'none', 'the kind of lengthPenalty');
  if (kind === 'none' && penalty.alpha !== undefined) {
    throw new ConfigError(expected('alpha', 'absent where the kind of lengthPenalty is none', penalty.alpha));
  }
  return { kind, alpha: numberIn(penalty.alpha ?? 1, '[0,Infinity)', 'the alpha of lengthPenalty') };
}

function tokenId(value: unknown, vocabularySize: number, what: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < vocabularySize) return value as number;
  throw new ConfigError(expected(what, `an id from 0 to ${vocabularySize - 1}`, value));
}
