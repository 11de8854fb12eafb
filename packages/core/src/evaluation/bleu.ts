import { ConfigError, expected } from '../errors.js';
import { integerFrom, knownName, numberIn, refuseUnknown } from '../options.js';
import { bleuTokenizers, type BleuTokenizer } from './bleuTokenizers.js';
import { sharedNgrams, totalOf, unionOfCounts, wordNgrams, type NgramCounts } from './ngrams.js';
import { measureCorpus, signature, type ReferenceCount, type SentenceMeasure } from './sentenceMeasure.js';
import type { References } from './sentences.js';

/** How an order without a match counts (Chen and Cherry 2014): their methods 3 (`exp`, NIST's), 1 (`floor`) and 2 (`add-k`). */
export type BleuSmoothing = 'exp' | 'floor' | 'add-k' | 'none';

export interface BleuOptions {
  /** Default `13a`. */
  tokenize?: BleuTokenizer;
  /** Whether letter case is ignored; default false. */
  lowercase?: boolean;
  /** Default `exp`. */
  smoothing?: BleuSmoothing;
  /** Of `floor` (default 0.1) and `add-k` (default 1); the others take none. */
  smoothingValue?: number;
  /** Whether orders longer than every hypothesis are left out; default false, but true for one sentence. */
  effectiveOrder?: boolean;
  /** The longest n-grams; default 4. */
  maxOrder?: number;
}

export interface BleuScore {
  /** Of [0, 100]. */
  score: number;
  /** In percent, smoothed, by order; all 0 where no word matches. */
  precisions: number[];
  /** BP, of [0, 1]. */
  brevityPenalty: number;
  hypothesisLength: number;
  /** The sum over the sentences of the length of the reference nearest in length, the shorter of equals. */
  referenceLength: number;
  /** Matched n-grams by order, not smoothed. */
  counts: number[];
  /** The hypotheses' n-grams by order, not smoothed. */
  totals: number[];
  /** As sacreBLEU's. */
  signature: string;
}

type Settings = Required<Omit<BleuOptions, 'smoothingValue'>> & { smoothingValue: number };

const smoothingDefaults: Record<BleuSmoothing, number | undefined> = {
  exp: undefined,
  floor: 0.1,
  'add-k': 1,
  none: undefined,
};

/**
 * BLEU of a corpus (Papineni et al. 2002), equal to sacreBLEU's (Post 2018):
 *
 *     BLEU = 100 BP exp(1/N sum_n log p_n)        BP = 1 if c >= r, else exp(1 - r/c)
 *
 * with p_n the share of the hypotheses' n-grams that a reference holds, each counted at most as often as in one of the
 * references; c the hypotheses' length and r the references'. Throws a ConfigError for an option that is wrong and an
 * InputError where the sides do not go together or are empty.
 */
export function bleu(hypotheses: readonly string[], references: References, options: BleuOptions = {}): BleuScore {
  return measureCorpus(bleuMeasure(options), hypotheses, references);
}

/** {@link bleu} of one sentence, in which orders longer than the hypothesis do not count unless `effectiveOrder` is false. */
export function sentenceBleu(
  hypothesis: string,
  references: string | readonly string[],
  options: BleuOptions = {},
): BleuScore {
  return bleu([hypothesis], [references], { ...options, effectiveOrder: options.effectiveOrder ?? true });
}

/**
 * {@link sentenceBleu} of texts against each other, the n-grams of each counted once: a function of the places of a hypothesis and its
 * one reference, to a score of [0, 100].
 */
export function pairwiseBleu(
  texts: readonly string[],
  options: BleuOptions = {},
): (hypothesis: number, reference: number) => number {
  const settings = checkOptions({ ...options, effectiveOrder: options.effectiveOrder ?? true });
  const tokens = tokensBy(settings);
  const sentences = texts.map((text) => countNgrams(tokens(text), settings.maxOrder));
  return (hypothesis, reference) => value(statistics(sentences[hypothesis], [sentences[reference]]), settings, 1).score;
}

/** BLEU as sums over sentences: [hypothesis length, reference length, matches by order, n-grams by order]. */
export function bleuMeasure(options: BleuOptions = {}): SentenceMeasure<BleuScore> {
  const settings = checkOptions(options);
  const { maxOrder } = settings;
  const tokens = tokensBy(settings);
  const sentence = (text: string): CountedSentence => countNgrams(tokens(text), maxOrder);
  return {
    name: 'BLEU',
    size: 2 + 2 * maxOrder,
    statistics: (hypothesis, references) => statistics(sentence(hypothesis), references.map(sentence)),
    value: (sums, referenceCount) => value(sums, settings, referenceCount),
  };
}

function tokensBy({ tokenize, lowercase }: Settings): (text: string) => string[] {
  const tokenizer = bleuTokenizers[tokenize];
  return (text) => tokenizer(lowercase ? text.toLowerCase() : text);
}

/** A sentence's words, as BLEU looks at them. */
interface CountedSentence {
  length: number;
  /** By order. */
  ngrams: NgramCounts[];
  totals: number[];
}

function countNgrams(words: readonly string[], maxOrder: number): CountedSentence {
  const ngrams = wordNgrams(words, maxOrder);
  return { length: words.length, ngrams, totals: ngrams.map(totalOf) };
}

function statistics({ length, ngrams, totals }: CountedSentence, references: readonly CountedSentence[]): number[] {
  const matches = ngrams.map((counts, n) =>
    sharedNgrams(counts, unionOfCounts(references.map((reference) => reference.ngrams[n]))),
  );
  const lengths = references.map((reference) => reference.length);
  return [length, nearestLength(length, lengths), ...matches, ...totals];
}

function nearestLength(length: number, candidates: readonly number[]): number {
  const distance = (candidate: number): number => Math.abs(candidate - length);
  return candidates.reduce((best, next) => {
    const difference = distance(next) - distance(best);
    return difference < 0 || (difference === 0 && next < best) ? next : best;
  });
}

function value(sums: ArrayLike<number>, settings: Settings, referenceCount: ReferenceCount): BleuScore {
  const [hypothesisLength, referenceLength, ...rest] = Array.from(sums);
  const counts = rest.slice(0, settings.maxOrder);
  const totals = rest.slice(settings.maxOrder);
  const brevityPenalty = penalty(hypothesisLength, referenceLength);
  const { precisions, order } = smoothedPrecisions(counts, totals, settings);
  // log 0 = -Infinity, whose exp is the 0 that one missing order makes of an unsmoothed score.
  const logs = precisions.slice(0, order).reduce((sum, precision) => sum + Math.log(precision), 0);
  const score = counts.some((count) => count > 0) ? brevityPenalty * Math.exp(logs / order) : 0;
  return {
    score,
    precisions,
    brevityPenalty,
    hypothesisLength,
    referenceLength,
    counts,
    totals,
    signature: signature(referenceCount, {
      case: settings.lowercase ? 'lc' : 'mixed',
      eff: settings.effectiveOrder,
      tok: settings.tokenize,
      smooth: smoothingName(settings),
    }),
  };
}

function penalty(hypothesisLength: number, referenceLength: number): number {
  if (hypothesisLength >= referenceLength) return 1;
  return hypothesisLength > 0 ? Math.exp(1 - referenceLength / hypothesisLength) : 0;
}

/** p_n in percent, and how many orders the mean is over. */
function smoothedPrecisions(counts: number[], totals: number[], settings: Settings) {
  const { maxOrder, smoothing, smoothingValue, effectiveOrder } = settings;
  const precisions: number[] = new Array(maxOrder).fill(0);
  let order = maxOrder;
  if (counts.every((count) => count === 0)) return { precisions, order };
  let halvings = 1;
  for (let n = 0; n < maxOrder; n++) {
    const added = smoothing === 'add-k' && n > 0 ? smoothingValue : 0;
    const count = counts[n] + added;
    const total = totals[n] + added;
    if (total === 0) break;
    if (effectiveOrder) order = n + 1;
    if (count > 0) precisions[n] = (100 * count) / total;
    else if (smoothing === 'exp') precisions[n] = 100 / ((halvings *= 2) * total);
    else if (smoothing === 'floor') precisions[n] = (100 * smoothingValue) / total;
  }
  return { precisions, order };
}

function smoothingName({ smoothing, smoothingValue }: Settings): string {
  return smoothingDefaults[smoothing] === undefined ? smoothing : `${smoothing}[${smoothingValue.toFixed(2)}]`;
}

const optionNames: readonly (keyof BleuOptions)[] = [
  ...(['tokenize', 'lowercase', 'smoothing', 'smoothingValue', 'effectiveOrder', 'maxOrder'] as const),
];

function checkOptions(options: BleuOptions): Settings {
  refuseUnknown('bleu', options, optionNames);
  const smoothing = knownName(options.smoothing ?? 'exp', ['exp', 'floor', 'add-k', 'none'], 'smoothing');
  const smoothingDefault = smoothingDefaults[smoothing];
  if (options.smoothingValue !== undefined && smoothingDefault === undefined) {
    throw new ConfigError(expected('smoothingValue', `absent for the smoothing ${smoothing}`, options.smoothingValue));
  }
  return {
    tokenize: knownName(options.tokenize ?? '13a', ['13a', 'intl', 'none'], 'tokenize'),
    lowercase: options.lowercase ?? false,
    smoothing,
    smoothingValue: numberIn(options.smoothingValue ?? smoothingDefault ?? 0, '[0,Infinity)', 'smoothingValue'),
    effectiveOrder: options.effectiveOrder ?? false,
    maxOrder: integerFrom(1, options.maxOrder ?? 4, 'maxOrder'),
  };
}
