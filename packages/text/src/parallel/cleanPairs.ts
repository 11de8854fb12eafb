import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import type { SentencePair } from './parallelCorpus.js';

export interface CleaningOptions {
  /** The most tokens a side may have; no limit unless told. */
  maximumTokens?: number;
  /** How many times longer than the other, in tokens, a side may be; no limit unless told. */
  maximumRatio?: number;
  /** Drops a pair whose two sides both stood in an earlier pair; true unless told. */
  duplicates?: boolean;
  /** Drops a pair whose sides are equal, which are mostly left untranslated; false unless told. */
  identical?: boolean;
  /** The tokens of a side; what stands between white space unless told. */
  countTokens?: (text: string) => number;
}

const optionNames = ['maximumTokens', 'maximumRatio', 'duplicates', 'identical', 'countTokens'];

/** Why a pair was dropped; the first of these that holds. */
export const CLEANING_REASONS = ['empty', 'tooLong', 'ratio', 'identical', 'duplicate'] as const;
export type CleaningReason = (typeof CLEANING_REASONS)[number];

export interface CleanedPairs {
  /** What is left, in its order. */
  pairs: SentencePair[];
  /** How many pairs were dropped for each reason. */
  dropped: Record<CleaningReason, number>;
}

/** Drops the pairs that would teach a model nothing or wrong things, and counts them by reason. Twice changes nothing. */
export function cleanPairs(pairs: Iterable<SentencePair>, options: CleaningOptions = {}): CleanedPairs {
  refuseUnknown('cleanPairs', options, optionNames);
  const { maximumTokens = Infinity, maximumRatio = Infinity } = options;
  if (maximumTokens !== Infinity && (!Number.isInteger(maximumTokens) || maximumTokens < 1)) {
    throw new ConfigError(expected('maximumTokens', 'a positive integer', maximumTokens));
  }
  if (!(maximumRatio >= 1)) throw new ConfigError(expected('maximumRatio', 'a number of at least 1', maximumRatio));
  const dropped: Record<CleaningReason, number> = { empty: 0, tooLong: 0, ratio: 0, identical: 0, duplicate: 0 };
  const kept: SentencePair[] = [];
  const seen = new Set<string>();
  for (const pair of pairs) {
    const reason = reasonAgainst(pair, { ...options, maximumTokens, maximumRatio }, seen);
    if (reason) dropped[reason]++;
    else kept.push(pair);
  }
  return { pairs: kept, dropped };
}

function reasonAgainst(
  { source, target }: SentencePair,
  options: CleaningOptions & { maximumTokens: number; maximumRatio: number },
  seen: Set<string>,
): CleaningReason | undefined {
  const { duplicates = true, identical = false, countTokens = countWords } = options;
  const lengths = [countTokens(source), countTokens(target)];
  const [longer, shorter] = [Math.max(...lengths), Math.min(...lengths)];
  if (shorter === 0) return 'empty';
  if (longer > options.maximumTokens) return 'tooLong';
  if (longer > options.maximumRatio * shorter) return 'ratio';
  if (identical && source === target) return 'identical';
  if (!duplicates) return undefined;
  const key = `${source}\n${target}`;
  if (seen.has(key)) return 'duplicate';
  seen.add(key);
  return undefined;
}

function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}
