import { readFileSync } from 'node:fs';
import type { BleuOptions, ChrfOptions, References, TerOptions } from '../../src/evaluation/index.js';

/** One score of the golden file: of which system, against which references, with what options. */
export interface GoldenRow<Options> {
  system: 'a' | 'b';
  references: 'one' | 'two' | 'some';
  options: Options;
  score: number;
  signature: string;
}

export interface GoldenBleu extends GoldenRow<BleuOptions> {
  precisions: number[];
  brevityPenalty: number;
  hypothesisLength: number;
  referenceLength: number;
  counts?: number[];
  totals?: number[];
}

interface GoldenInterval {
  score: number;
  mean: number;
  halfWidth: number;
}

interface TranslationGolden {
  sentences: { references: string[]; secondReferences: (string | null)[]; a: string[]; b: string[] };
  bleu: GoldenBleu[];
  chrf: (GoldenRow<ChrfOptions> & { name: string })[];
  ter: (GoldenRow<TerOptions> & { edits: number; referenceLength: number })[];
  /** By sentence, then by system. */
  sentenceBleu: [number, number][];
  sentenceBleuIntl: [number, number][];
  sentenceChrf: [number, number][];
  sentenceTer: [number, number][];
  bootstrap: { metric: 'bleu' | 'chrf' | 'ter'; pValue: number; a: GoldenInterval; b: GoldenInterval }[];
  significance: { a: number[]; b: number[]; difference: number; mean: number; halfWidth: number; pValue: number }[];
  /** Of the outputs in `translations.tsv`. */
  real: { metric: 'bleu' | 'chrf' | 'ter'; system: 'a' | 'b'; options: object; score: number }[];
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../golden/${name}.json`, import.meta.url), 'utf8')) as T;

export const golden = read<TranslationGolden>('translationMetrics');

const { references, secondReferences } = golden.sentences;

/** The references as the golden's rows name them: one each, two each, or a second one for some. */
export const referenceSets: Record<'one' | 'two' | 'some', References> = {
  one: references,
  two: references.map((first, index) => [first, secondReferences[index] ?? first]),
  some: references.map((first, index) => {
    const second = secondReferences[index];
    return second === null ? first : [first, second];
  }),
};

/** Of every sentence its references, and its golden scores, by system. */
export function eachSentence(
  scores: [number, number][],
): { hypothesis: string; references: string[]; score: number }[] {
  return scores.flatMap((pair, index) =>
    pair.map((score, system) => ({
      hypothesis: golden.sentences[system === 0 ? 'a' : 'b'][index],
      references: [references[index], secondReferences[index]].filter((reference) => reference !== null),
      score,
    })),
  );
}

interface ErrorCounts {
  hits: number;
  substitutions: number;
  deletions: number;
  insertions: number;
  rate: number;
  /** One letter a step: h, s, d or i. */
  alignments: string[];
}

type WordCounts = ErrorCounts & { matchErrorRate: number; informationLost: number };

export interface ErrorRatesGolden {
  /** Each a reference and a hypothesis. */
  pairs: [string, string][];
  word: WordCounts;
  character: ErrorCounts;
  emptyPairs: [string, string][];
  empty: WordCounts[];
}

export const errorRatesGolden = read<ErrorRatesGolden>('errorRates');

/** sacreBLEU computes the same sums in float64, in another order in places: equal but for the last digits. */
export const DIGITS = 10;
