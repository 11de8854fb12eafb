import { eventLoopTurn, teacherPredictions, type SequenceToSequence } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { pairTensors, type EncodedPair, type PairTeacher } from './batches.js';
import { pairBatches } from './lengthBatches.js';

/** How many tokens of each place are kept of what teachers say; the most probable 16 hold nearly all there is. */
const KEPT_TOKENS = 16;

/** The share of a label's probability that is spread as the teachers say, where nothing else is asked for. */
export const defaultDistillation = 0.5;

/** What teachers say of each pair, read once for a whole training: 128 bytes a target token. Undefined where `signal` ended it. */
export async function teach(
  teachers: readonly SequenceToSequence[],
  pairs: readonly EncodedPair[],
  options: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<PairTeacher[] | undefined> {
  const { signal, onProgress } = options;
  const taught = new Array<PairTeacher>(pairs.length);
  let done = 0;
  for (const batch of pairBatches(pairs)) {
    if (signal?.aborted) return undefined;
    const said = tf.tidy(() => {
      const tensors = pairTensors(batch.map((index) => pairs[index]));
      const count = Math.min(KEPT_TOKENS, teachers[0].config.targetVocabularySize);
      return { ...teacherPredictions(teachers, tensors, count) };
    });
    const [, steps, count] = said.ids.shape;
    const ids = said.ids.dataSync<'int32'>();
    const probabilities = said.probabilities.dataSync<'float32'>();
    tf.dispose(said);
    batch.forEach((index, row) => {
      const start = row * steps! * count!;
      const end = start + pairs[index].target.length * count!;
      taught[index] = { count: count!, ids: ids.slice(start, end), probabilities: probabilities.slice(start, end) };
    });
    done += batch.length;
    onProgress?.(done);
    await eventLoopTurn(); // lets signals through
  }
  return taught;
}
