import { integerFrom, numberIn, refuseUnknown } from '../options.js';
import { characterNgrams, sharedNgrams, totalOf, wordNgrams, type NgramCounts } from './ngrams.js';
import { measureCorpus, signature, type ReferenceCount, type SentenceMeasure } from './sentenceMeasure.js';
import { splitWords, type References } from './sentences.js';

export interface ChrfOptions {
  /** The longest n-grams of characters; default 6. */
  characterOrder?: number;
  /** The longest n-grams of words: 0 (default) is chrF, 1 chrF+, 2 chrF++. */
  wordOrder?: number;
  /** How many times as much as precision recall counts; default 2. */
  beta?: number;
  /** Whether letter case is ignored; default false. */
  lowercase?: boolean;
  /** Whether white space counts as characters; default false. */
  whitespace?: boolean;
  /**
   * False (default): F of the mean precision and recall over the orders that both sides have. True: the mean over all
   * orders of their F, a tiny number where an order is missing, as in chrF++.py, Moses and NLTK.
   */
  epsilonSmoothing?: boolean;
}

export interface ChrfScore {
  /** Of [0, 100]. */
  score: number;
  /** `chrF2`, `chrF2++` and so on. */
  name: string;
  /** As sacreBLEU's. */
  signature: string;
}

type Settings = Required<ChrfOptions>;

/** What counts for nothing and divides nothing by zero. */
const EPSILON = 1e-16;

const ASCII_PUNCTUATION = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/**
 * chrF (Popović 2015) and chrF++ (Popović 2017) of a corpus, equal to sacreBLEU's:
 *
 *     chrF_beta = 100 (1 + beta^2) P R / (beta^2 P + R)
 *
 * with P and R the precision and recall of n-grams, averaged over the orders. Of several references a sentence takes the
 * one with the best score. Throws a ConfigError for an option that is wrong and an InputError where the sides do not go
 * together or are empty.
 */
export function chrf(hypotheses: readonly string[], references: References, options: ChrfOptions = {}): ChrfScore {
  return measureCorpus(chrfMeasure(options), hypotheses, references);
}

/** {@link chrf} of one sentence. */
export function sentenceChrf(
  hypothesis: string,
  references: string | readonly string[],
  options: ChrfOptions = {},
): ChrfScore {
  return chrf([hypothesis], [references], options);
}

/** chrF as sums over sentences: by order, characters first, [n-grams of the hypothesis, of the reference, of both]. */
export function chrfMeasure(options: ChrfOptions = {}): SentenceMeasure<ChrfScore> {
  const settings = checkOptions(options);
  const name = `chrF${settings.beta}${'+'.repeat(settings.wordOrder)}`;
  return {
    name,
    size: 3 * (settings.characterOrder + settings.wordOrder),
    statistics: (hypothesis, references) => {
      const own = ngramsOf(hypothesis, settings);
      const candidates = references.map((reference) => matchStatistics(own, ngramsOf(reference, settings)));
      return best(candidates, (candidate) => fScore(candidate, settings));
    },
    value: (sums, referenceCount) => ({
      score: fScore(sums, settings),
      name,
      signature: signatureOf(settings, referenceCount),
    }),
  };
}

function ngramsOf(sentence: string, settings: Settings): NgramCounts[] {
  const text = settings.lowercase ? sentence.toLowerCase() : sentence;
  const characters = settings.whitespace ? text : splitWords(text).join('');
  const counts = characterNgrams(characters, settings.characterOrder);
  if (settings.wordOrder === 0) return counts;
  return [...counts, ...wordNgrams(splitWords(text).flatMap(separateOnePunctuation), settings.wordOrder)];
}

/** chrF++'s own tokenizer: one ASCII punctuation mark is cut off a word's end, or else off its start. */
function separateOnePunctuation(word: string): string[] {
  if (word.length === 1) return [word];
  const last = word.length - 1;
  if (ASCII_PUNCTUATION.has(word[last])) return [word.slice(0, last), word[last]];
  return ASCII_PUNCTUATION.has(word[0]) ? [word[0], word.slice(1)] : [word];
}

function matchStatistics(hypothesis: NgramCounts[], reference: NgramCounts[]): number[] {
  return hypothesis.flatMap((counts, order) => {
    // An order that the reference is too short for says nothing about the hypothesis.
    const own = reference[order].size > 0 ? totalOf(counts) : 0;
    return [own, totalOf(reference[order]), sharedNgrams(counts, reference[order])];
  });
}

/** The first of the items with the largest value. */
function best<Item>(items: readonly Item[], valueOf: (item: Item) => number): Item {
  if (items.length === 1) return items[0];
  const values = items.map(valueOf);
  return items[values.indexOf(Math.max(...values))];
}

function fScore(sums: ArrayLike<number>, { beta, epsilonSmoothing }: Settings): number {
  const orders = sums.length / 3;
  let precisions = 0;
  let recalls = 0;
  let scores = 0;
  let shared = 0;
  for (let order = 0; order < orders; order++) {
    const [own, wanted, matched] = [sums[3 * order], sums[3 * order + 1], sums[3 * order + 2]];
    const precision = own > 0 ? matched / own : EPSILON;
    const recall = wanted > 0 ? matched / wanted : EPSILON;
    scores += fBeta(precision, recall, beta) ?? EPSILON;
    if (own === 0 || wanted === 0) continue;
    precisions += precision;
    recalls += recall;
    shared++;
  }
  if (epsilonSmoothing) return (100 * scores) / orders;
  return shared === 0 ? 0 : 100 * (fBeta(precisions / shared, recalls / shared, beta) ?? 0);
}

/** The weighted harmonic mean, undefined where both are zero. */
function fBeta(precision: number, recall: number, beta: number): number | undefined {
  const denominator = beta ** 2 * precision + recall;
  return denominator > 0 ? ((1 + beta ** 2) * precision * recall) / denominator : undefined;
}

function signatureOf(settings: Settings, referenceCount: ReferenceCount): string {
  return signature(referenceCount, {
    case: settings.lowercase ? 'lc' : 'mixed',
    eff: !settings.epsilonSmoothing,
    nc: settings.characterOrder,
    nw: settings.wordOrder,
    space: settings.whitespace,
  });
}

const optionNames: readonly (keyof ChrfOptions)[] = [
  ...(['characterOrder', 'wordOrder', 'beta', 'lowercase', 'whitespace', 'epsilonSmoothing'] as const),
];

function checkOptions(options: ChrfOptions): Settings {
  refuseUnknown('chrf', options, optionNames);
  return {
    characterOrder: integerFrom(1, options.characterOrder ?? 6, 'characterOrder'),
    wordOrder: integerFrom(0, options.wordOrder ?? 0, 'wordOrder'),
    beta: numberIn(options.beta ?? 2, '(0,Infinity)', 'beta'),
    lowercase: options.lowercase ?? false,
    whitespace: options.whitespace ?? false,
    epsilonSmoothing: options.epsilonSmoothing ?? false,
  };
}
