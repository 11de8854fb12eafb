import { InputError } from '../errors.js';
import type { Metric } from './metric.js';
import { pairSentences, type References, type TranslationPairs } from './sentences.js';

/** The release of sacreBLEU whose numbers BLEU, chrF and TER here equal; the last part of their signatures. */
export const SACREBLEU_VERSION = '2.6.0';

/** How many references the sentences have: a number, or `var` where it differs from sentence to sentence. */
export type ReferenceCount = number | 'var';

/**
 * A measure of a corpus that is computed from sums over its sentences: each sentence gives a few numbers (matches,
 * lengths), and the score is a function of their sums. So a corpus is measured in one pass, and resampled cheaply.
 */
export interface SentenceMeasure<Value extends { score: number }> {
  /** As sacreBLEU names it, for example `chrF2++`. */
  name: string;
  /** How many numbers a sentence gives. */
  size: number;
  /** Those numbers of one sentence. */
  statistics(hypothesis: string, references: readonly string[]): number[];
  /** The score and what it consists of, from the sums over all sentences. */
  value(sums: ArrayLike<number>, referenceCount: ReferenceCount): Value;
}

/**
 * The running measure of a corpus: pairs go in by `update`, `value` is the measure over all of them. For example
 * `new CorpusMetric(bleuMeasure())`.
 */
export class CorpusMetric<Value extends { score: number }> implements Metric<TranslationPairs, Value> {
  private sums: Float64Array;
  private referenceCount: ReferenceCount | undefined;

  constructor(private readonly measure: SentenceMeasure<Value>) {
    this.sums = new Float64Array(measure.size);
  }

  update(pairs: TranslationPairs): void {
    for (const { hypothesis, references } of pairSentences(pairs)) {
      this.referenceCount = joinCounts(this.referenceCount, references.length);
      const statistics = this.measure.statistics(hypothesis, references);
      for (let index = 0; index < statistics.length; index++) this.sums[index] += statistics[index];
    }
  }

  /** Throws an InputError before the first sentence. */
  value(): Value {
    if (this.referenceCount === undefined) throw new InputError('Expected at least one sentence to measure, got none');
    return this.measure.value(this.sums, this.referenceCount);
  }

  reset(): void {
    this.sums.fill(0);
    this.referenceCount = undefined;
  }
}

/** Measures one whole corpus. */
export function measureCorpus<Value extends { score: number }>(
  measure: SentenceMeasure<Value>,
  hypotheses: readonly string[],
  references: References,
): Value {
  const metric = new CorpusMetric(measure);
  metric.update({ hypotheses, references });
  return metric.value();
}

/** The number of references of everything, when so far it was `count` and the next sentence has `next`. */
export function joinCounts(count: ReferenceCount | undefined, next: number): ReferenceCount {
  return count === undefined || count === next ? next : 'var';
}

/** A signature as sacreBLEU writes it: what was measured how, for a reader who wants the same number. */
export function signature(referenceCount: ReferenceCount, parts: Record<string, string | number | boolean>): string {
  const written = Object.entries(parts).map(([key, value]) => {
    return `${key}:${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`;
  });
  return [`nrefs:${referenceCount}`, ...written, `version:${SACREBLEU_VERSION}`].join('|');
}
