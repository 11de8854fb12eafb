import { eventLoopTurn, teacherPredictions, type SequenceToSequence } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { pairTensors, type EncodedPair } from './batches.js';
import { pairBatches } from './lengthBatches.js';

/** How many tokens of each place are kept of what teachers say; the most probable 16 hold nearly all there is. */
const KEPT_TOKENS = 16;

/** The share of a label's probability that is spread as the teachers say, where nothing else is asked for. */
export const defaultDistillation = 0.5;

/**
 * Lets teachers read pairs and keeps with each what they say of it, 128 bytes a target token. False where `signal` ended it.
 * @param readings of the same pairs, as {@link trainingSource} takes them
 */
export async function teach(
  teachers: readonly SequenceToSequence[],
  readings: readonly (readonly EncodedPair[])[],
  options: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<boolean> {
  const { signal, onProgress } = options;
  let done = 0;
  for (const pairs of readings) {
    for (const batch of pairBatches(pairs)) {
      if (signal?.aborted) return false;
      hear(
        teachers,
        batch.map((index) => pairs[index]),
      );
      done += batch.length;
      onProgress?.(done);
      await eventLoopTurn(); // lets signals through
    }
  }
  return true;
}

function hear(teachers: readonly SequenceToSequence[], pairs: readonly EncodedPair[]): void {
  const count = Math.min(KEPT_TOKENS, teachers[0].config.targetVocabularySize);
  const said = tf.tidy(() => ({ ...teacherPredictions(teachers, pairTensors(pairs), count) }));
  const steps = said.ids.shape[1]!;
  const ids = said.ids.dataSync<'int32'>();
  const probabilities = said.probabilities.dataSync<'float32'>();
  tf.dispose(said);
  pairs.forEach((pair, row) => {
    const start = row * steps * count;
    const end = start + pair.target.length * count;
    pair.teacher = { count, ids: ids.slice(start, end), probabilities: probabilities.slice(start, end) };
  });
}
