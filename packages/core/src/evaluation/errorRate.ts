import { InputError } from '../errors.js';
import { knownName, refuseUnknown } from '../options.js';
import { alignTokens, type AlignmentOperation, type AlignmentStep } from './levenshtein.js';
import type { Metric } from './metric.js';
import { checkSides, checkText, splitWords, trim } from './sentences.js';

export interface ErrorRateOptions {
  /** `word`: pieces between white space; `character`: code points, white space between words among them. */
  unit: 'word' | 'character';
}

/** What was said and what was recognised, in one order. */
export interface TranscriptPairs {
  references: readonly string[];
  hypotheses: readonly string[];
}

/** Errors against references: their kinds, and rates of them. */
export interface ErrorCounts {
  /** (S + D + I) / N with N the tokens of the references; I where N is 0, as jiwer has it. Above 1 where much was made up. */
  rate: number;
  substitutions: number;
  /** Tokens of the references that the hypotheses lack. */
  deletions: number;
  /** Tokens of the hypotheses that the references lack. */
  insertions: number;
  hits: number;
  /** N = hits + substitutions + deletions. */
  referenceLength: number;
  /** hits + substitutions + insertions. */
  hypothesisLength: number;
}

/** One pair, with what stands beside what. */
export interface AlignedPair extends ErrorCounts {
  alignment: AlignmentStep[];
}

/** An error made `count` times; without `hypothesis` the token was left out, without `reference` it was made up. */
export interface Confusion {
  reference?: string;
  hypothesis?: string;
  count: number;
}

export interface ErrorRateValue extends ErrorCounts {
  /** (S + D + I) / (H + S + D + I), of [0, 1] (Morris et al. 2004). */
  matchErrorRate: number;
  /** 1 - H/N H/P with P the hypotheses' tokens, of [0, 1] (Morris et al. 2004). */
  informationLost: number;
  pairs: AlignedPair[];
  /** Substitutions, deletions and insertions by their tokens, the most frequent first. */
  confusions: Confusion[];
}

/**
 * The word or character error rate of transcripts: what the cheapest alignment of each pair (Levenshtein 1966) counts,
 * summed over all pairs; equal to jiwer's where words stand apart by spaces: a single tab or no-break space parts words here,
 * not there. How ties are broken stands at {@link alignTokens}. Texts are compared as they are: lower-case them or strip
 * punctuation before, if that shall not count. Throws a ConfigError for an option that is wrong and an InputError where the
 * sides do not go together or are empty.
 */
export function errorRate(
  references: readonly string[],
  hypotheses: readonly string[],
  options: ErrorRateOptions,
): ErrorRateValue {
  const metric = new ErrorRate(options);
  metric.update({ references, hypotheses });
  return metric.value();
}

/** The running {@link errorRate}: pairs go in by `update`. */
export class ErrorRate implements Metric<TranscriptPairs, ErrorRateValue> {
  private readonly unit: ErrorRateOptions['unit'];
  private pairs: AlignedPair[] = [];

  constructor(options: ErrorRateOptions) {
    refuseUnknown('errorRate', options, ['unit']);
    this.unit = knownName(options.unit, ['word', 'character'], 'unit');
  }

  update({ references, hypotheses }: TranscriptPairs): void {
    checkSides(references, hypotheses);
    const added = references.map((reference, index) => {
      const wanted = this.tokens(checkText(reference, `reference ${index}`));
      return alignedPair(alignTokens(wanted, this.tokens(checkText(hypotheses[index], `hypothesis ${index}`))));
    });
    for (const pair of added) this.pairs.push(pair);
  }

  value(): ErrorRateValue {
    if (this.pairs.length === 0) throw new InputError('Expected at least one pair to measure, got none');
    const sum = (key: AlignmentKey): number => this.pairs.reduce((total, pair) => total + pair[key], 0);
    const counts = countErrors(sum('hits'), sum('substitutions'), sum('deletions'), sum('insertions'));
    return {
      ...counts,
      matchErrorRate: matchErrorRate(counts),
      informationLost: informationLost(counts),
      pairs: this.pairs.slice(),
      confusions: confusionsOf(this.pairs),
    };
  }

  reset(): void {
    this.pairs = [];
  }

  private tokens(text: string): string[] {
    return this.unit === 'word' ? splitWords(text) : Array.from(trim(text));
  }
}

type AlignmentKey = 'hits' | 'substitutions' | 'deletions' | 'insertions';

function alignedPair(alignment: AlignmentStep[]): AlignedPair {
  const times: Record<AlignmentOperation, number> = { hit: 0, substitution: 0, deletion: 0, insertion: 0 };
  for (const { operation } of alignment) times[operation]++;
  return { ...countErrors(times.hit, times.substitution, times.deletion, times.insertion), alignment };
}

function countErrors(hits: number, substitutions: number, deletions: number, insertions: number): ErrorCounts {
  const referenceLength = hits + substitutions + deletions;
  const errors = substitutions + deletions + insertions;
  return {
    rate: referenceLength > 0 ? errors / referenceLength : errors,
    substitutions,
    deletions,
    insertions,
    hits,
    referenceLength,
    hypothesisLength: hits + substitutions + insertions,
  };
}

function matchErrorRate({ hits, referenceLength, insertions }: ErrorCounts): number {
  const steps = referenceLength + insertions;
  return steps > 0 ? (steps - hits) / steps : 0;
}

function informationLost({ hits, referenceLength, hypothesisLength }: ErrorCounts): number {
  if (referenceLength === 0 && hypothesisLength === 0) return 0;
  return hits === 0 ? 1 : 1 - (hits / referenceLength) * (hits / hypothesisLength);
}

function confusionsOf(pairs: readonly AlignedPair[]): Confusion[] {
  const counted = new Map<string, Confusion>();
  for (const { operation, reference, hypothesis } of pairs.flatMap((pair) => pair.alignment)) {
    if (operation === 'hit') continue;
    const key = JSON.stringify([reference ?? null, hypothesis ?? null]);
    const confusion = counted.get(key) ?? { ...present({ reference, hypothesis }), count: 0 };
    confusion.count++;
    counted.set(key, confusion);
  }
  const order = ([keyA, a]: [string, Confusion], [keyB, b]: [string, Confusion]): number =>
    b.count - a.count || (keyA < keyB ? -1 : 1);
  return [...counted].sort(order).map(([, confusion]) => confusion);
}

function present({ reference, hypothesis }: Omit<Confusion, 'count'>): Omit<Confusion, 'count'> {
  return { ...(reference !== undefined && { reference }), ...(hypothesis !== undefined && { hypothesis }) };
}
