import type { AlignmentPoint } from './alignment.js';

/** How lines are translated. */
export interface TranslateOptions {
  /** Hypotheses that are followed at once: 5 when absent; 1 is greedy. */
  beam?: number;
  /**
   * Translations of each line, at most `beam` of them unless they are drawn, and at most `mbr`: 1 when absent. With `mbr` equal ones
   * are given once, so that there may be fewer.
   */
  nBest?: number;
  /**
   * Orders so many translations of each line, which are found or drawn, by the sentence BLEU that each can expect of the others; at most
   * `beam` unless they are drawn, which is as many when absent.
   */
  mbr?: number;
  /** alpha of Wu et al. 2016, eq. 14; 0 prefers short translations. 1 when absent. */
  lengthPenalty?: number;
  /** beta of Wu et al. 2016, eq. 15, for source words left unread: 0 when absent. */
  coveragePenalty?: number;
  /** The fewest subwords of a translation: 0 when absent. */
  minLength?: number;
  /** The most; twice the source's and ten more when absent. */
  maxLength?: number;
  /** No so many subwords in a row occur twice: 0, any may, when absent. */
  noRepeatNgram?: number;
  /** Draws translations by their probability in place of searching for the best. */
  sample?: { temperature?: number; topK?: number; topP?: number };
  /** Of drawing: 1 when absent. */
  seed?: number;
  /** The number of the first line, from 0 when absent: what is drawn for a line goes by the seed and the line's number. */
  firstLine?: number;
  /** Says which source words each word came from. */
  alignment?: boolean;
  /** Lets the model write the unknown token, and puts the source word it attended to most in its place. */
  replaceUnknown?: boolean;
  /** Translates each sentence of a line by itself. */
  sentences?: boolean;
  /** Called with the number of pieces (mostly lines) of the present call that are done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

export const translateOptionNames: readonly (keyof TranslateOptions)[] = [
  ...(['beam', 'nBest', 'mbr', 'lengthPenalty', 'coveragePenalty', 'minLength', 'maxLength', 'noRepeatNgram'] as const),
  ...(['sample', 'seed', 'firstLine', 'alignment', 'replaceUnknown', 'sentences', 'onProgress', 'signal'] as const),
];

/** Which of the options that are given needs to know where a network looks; undefined where none does. */
export function optionOfAttention({
  alignment = false,
  replaceUnknown = false,
  coveragePenalty = 0,
}: TranslateOptions): 'alignment' | 'replaceUnknown' | 'coveragePenalty' | undefined {
  if (alignment) return 'alignment';
  if (replaceUnknown) return 'replaceUnknown';
  return coveragePenalty > 0 ? 'coveragePenalty' : undefined;
}

/** Hypotheses that are followed at once where nothing is said. */
export const defaultBeam = 5;

/** Hypotheses that are followed at once: as many as are to be compared, if those are more than {@link defaultBeam}. */
export function beamOf({ beam, mbr = 1 }: Pick<TranslateOptions, 'beam' | 'mbr'>): number {
  return beam ?? Math.max(defaultBeam, mbr);
}

/** One translation of a line. */
export interface Hypothesis {
  text: string;
  /** What hypotheses are ranked by: of a search its score, with `mbr` the BLEU to be expected; a line in pieces has the sum. */
  score: number;
  /** log p of the translation given the line, in nats. */
  logProbability: number;
  /** The words that `text` was made of. */
  words: string[];
  /** Where `alignment` is asked for. */
  alignment?: AlignmentPoint[];
}

/** A line and its translations, best first; an empty line has an empty one. */
export interface Translation {
  source: string;
  /** The words that alignments count. */
  sourceWords: string[];
  /** The best hypothesis' text. */
  text: string;
  hypotheses: Hypothesis[];
}
