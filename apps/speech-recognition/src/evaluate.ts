import { errorRate, type Confusion, type AlignedPair } from '@cadenza/core';

/** How far transcripts are from what was said. */
export interface RecognitionScores {
  /** Errors over words and characters of the references: 0.1 is 10 %. */
  wer: number;
  cer: number;
  utterances: number;
  words: number;
  substitutions: number;
  deletions: number;
  insertions: number;
  /** The part of the recordings without an error. */
  accuracy: number;
}

export interface RecognitionResult extends RecognitionScores {
  /** The errors by their words, the most frequent first. */
  confusions: Confusion[];
  /** What stands beside what in each recording. */
  pairs: AlignedPair[];
}

/**
 * Compares transcripts with what was said, word by word and character by character, as they are: case and punctuation count. Of texts that
 * {@link cleanText} has cleaned the counts are jiwer's.
 */
export function scoreTranscripts(references: readonly string[], hypotheses: readonly string[]): RecognitionResult {
  const words = errorRate(references, hypotheses, { unit: 'word' });
  const characters = errorRate(references, hypotheses, { unit: 'character' });
  const right = words.pairs.filter(({ rate }) => rate === 0).length;
  return {
    wer: words.rate,
    cer: characters.rate,
    utterances: references.length,
    words: words.referenceLength,
    substitutions: words.substitutions,
    deletions: words.deletions,
    insertions: words.insertions,
    accuracy: right / references.length,
    confusions: words.confusions,
    pairs: words.pairs,
  };
}

/** The numbers alone, as `--json` gives them. */
export function countsOf({ confusions: _confusions, pairs: _pairs, ...scores }: RecognitionResult): RecognitionScores {
  return scores;
}

export const scoreHeader = ['part', 'WER', 'CER', 'right', 'S', 'D', 'I', 'words', 'recordings'];

/** A row of the table for people. */
export function scoreRow(part: string, scores: RecognitionScores): string[] {
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  const { wer, cer, accuracy, substitutions, deletions, insertions, words, utterances } = scores;
  return [
    part,
    percent(wer),
    percent(cer),
    percent(accuracy),
    ...[substitutions, deletions, insertions, words, utterances].map(String),
  ];
}
