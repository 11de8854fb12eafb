import { ctcLoss, type FrameScores } from '@cadenza/core';
import { padBatch } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import type { TranscriptDecoder, TranscriptHypothesis } from './decoder.js';
import type { SymbolTable } from './symbols.js';

/** How many hypotheses each model brings. */
export const FUSED_HYPOTHESES = 20;

/** What one of several models hears in a recording. */
export interface HeardByOne {
  /** Their frames may differ in number from those of other models. */
  scores: FrameScores;
  /** Finds at least {@link FUSED_HYPOTHESES} hypotheses, and knows how long this model's frames are. */
  decoder: TranscriptDecoder;
}

/**
 * What several models hear in one recording: the hypotheses of each, scored by all, as lists of hypotheses are rescored (Ostendorf et al.
 * 1991). Scores of single frames could not be averaged, since models that were taught by CTC spell the same word in different frames.
 *
 *     score(text) = mean over models of log p(text | sound) + what the language adds
 *
 * @returns all hypotheses, the best first; `acoustic` is the mean, and the words' times are of the first model that brought the hypothesis
 */
export function fuseHypotheses(heard: readonly HeardByOne[], symbols: SymbolTable): TranscriptHypothesis[] {
  const found = new Map<string, TranscriptHypothesis>();
  for (const { scores, decoder } of heard) {
    for (const hypothesis of decoder.decode(scores)) {
      if (!found.has(hypothesis.text)) found.set(hypothesis.text, hypothesis);
    }
  }
  const hypotheses = [...found.values()];
  const rows = hypotheses.map(({ text }) => symbols.encode(text).ids);
  const sums = hypotheses.map(() => 0);
  for (const { scores } of heard) logProbabilities(scores, rows).forEach((value, index) => (sums[index] += value));
  return hypotheses
    .map((hypothesis, index) => ({ ...hypothesis, acoustic: sums[index] / heard.length }))
    .sort((a, b) => b.acoustic + b.language - (a.acoustic + a.language));
}

/** log p(labels | sound) over all alignments, of each row of labels. */
function logProbabilities(
  { logProbabilities: values, symbolCount }: FrameScores,
  rows: readonly Int32Array[],
): number[] {
  const frames = values.length / symbolCount;
  const { ids, lengths, steps } = padBatch(rows, -1);
  const losses = tf.tidy(() => {
    const logits = tf.tile(tf.tensor3d(Float32Array.from(values), [1, frames, symbolCount]), [rows.length, 1, 1]);
    return ctcLoss(
      logits,
      tf.tensor2d(ids, [rows.length, steps], 'int32'),
      tf.fill([rows.length], frames, 'int32'),
      tf.tensor1d(lengths, 'int32'),
    ).dataSync();
  });
  return Array.from(losses, (loss) => -loss);
}
