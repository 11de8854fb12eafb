import * as tf from '@tensorflow/tfjs-core';
import { InputError, expected } from '../errors.js';
import { IGNORED_LABEL, softmaxCrossEntropy, topLogProbabilities } from '../ops/index.js';
import type { SearchView } from './searchLoop.js';

/** The most likely tokens of each row, and the log-probabilities of those that are forced. */
export class TopTokens {
  private constructor(
    private readonly view: SearchView,
    private readonly count: number,
    private readonly values: Float32Array, // [R, count]
    private readonly ids: Int32Array, // [R, count]
    private readonly forced: ArrayLike<number> | null, // [R]
    private readonly excluded: readonly (ReadonlySet<number> | null)[],
  ) {}

  /** Reads as many tokens of each row as are needed to have `wanted` that may follow, where there are so many. */
  static async read(logits: tf.Tensor2D, view: SearchView, wanted: number): Promise<TopTokens> {
    const excluded = view.sentences.flatMap((sentence) =>
      sentence.links.map((link) => (link ? sentence.excludedTokens(link) : null)),
    );
    const most = excluded.reduce((size, set) => Math.max(size, set?.size ?? 0), 0);
    const count = Math.min(wanted + most, logits.shape[1]);
    const { values, ids } = topLogProbabilities(logits, count);
    const forced = forcedLogProbabilities(logits, view);
    const tensors = [values, ids, ...(forced ? [forced] : [])];
    try {
      const read = await Promise.all(tensors.map((tensor) => tensor.data()));
      const [topValues, topIds, forcedValues] = read.map((array) => array.slice()); // a backend may reuse its storage
      return new TopTokens(
        view,
        count,
        topValues as Float32Array,
        topIds as Int32Array,
        forcedValues ?? null,
        excluded,
      );
    } finally {
      tf.dispose(tensors);
    }
  }

  /**
   * Calls back for at most `wanted` tokens that may follow hypothesis `slot` of the sentence at `place`, the most likely first, until it
   * is told that no more are taken.
   */
  each(place: number, slot: number, wanted: number, take: (token: number, logProbability: number) => boolean): void {
    const row = place * this.view.rows.rowsPerSentence + slot;
    const token = this.view.sentences[place].forcedToken(this.view.rows.position);
    if (token !== undefined) {
      take(token, checkedLogProbability(this.forced![row]));
      return;
    }
    for (let rank = 0, taken = 0; rank < this.count && taken < wanted; rank++) {
      const logProbability = checkedLogProbability(this.values[row * this.count + rank]);
      if (logProbability === -Infinity) return;
      const id = this.ids[row * this.count + rank];
      if (this.excluded[row]!.has(id)) continue;
      if (!take(id, logProbability)) return;
      taken++;
    }
  }
}

/** log p of the forced token of each row that has one, [R]; null where none has. */
function forcedLogProbabilities(logits: tf.Tensor2D, { sentences, rows }: SearchView): tf.Tensor1D | null {
  const labels = new Int32Array(logits.shape[0]).fill(IGNORED_LABEL);
  let any = false;
  sentences.forEach((sentence, place) => {
    const token = sentence.forcedToken(rows.position);
    if (token === undefined) return;
    any = true;
    labels.fill(token, place * rows.rowsPerSentence, (place + 1) * rows.rowsPerSentence);
  });
  if (!any) return null;
  return tf.tidy(() => tf.neg(softmaxCrossEntropy(logits, tf.tensor1d(labels, 'int32'))));
}

function checkedLogProbability(logProbability: number): number {
  if (!Number.isNaN(logProbability)) return logProbability;
  throw new InputError(expected('logits', 'numbers below infinity', logProbability), { code: 'NON_FINITE' });
}
