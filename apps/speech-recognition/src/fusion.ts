import { ctcLoss, type FrameScores } from '@cadenza/core';
import { padBatch } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import type { TranscriptDecoder, TranscriptHypothesis } from './decoder.js';
import type { SymbolTable } from './symbols.js';

/** How many hypotheses each model brings. */
export const FUSED_HYPOTHESES = 20;

/**
 * What several models hear in one recording: the hypotheses of each, scored by all, as lists of hypotheses are rescored (Ostendorf et al.
 * 1991). Scores of single frames could not be averaged, since models that were taught by CTC spell the same word in different frames.
 *
 *     score(text) = mean over models of log p(text | sound) + what the language adds
 *
 * @param scores of each model; their frames may differ in number
 * @param decoder finds at least {@link FUSED_HYPOTHESES} hypotheses
 * @returns all hypotheses, the best first; `acoustic` is the mean
 */
export function fuseHypotheses(
  scores: readonly FrameScores[],
  decoder: TranscriptDecoder,
  symbols: SymbolTable,
): TranscriptHypothesis[] {
  const found = new Map<string, TranscriptHypothesis>();
  for (const each of scores) {
    for (const hypothesis of decoder.decode(each)) {
      if (!found.has(hypothesis.text)) found.set(hypothesis.text, hypothesis);
    }
  }
  const hypotheses = [...found.values()];
  const rows = hypotheses.map(({ text }) => symbols.encode(text).ids);
  const sums = hypotheses.map(() => 0);
  for (const each of scores) logProbabilities(each, rows).forEach((value, index) => (sums[index] += value));
  return hypotheses
    .map((hypothesis, index) => ({ ...hypothesis, acoustic: sums[index] / scores.length }))
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
