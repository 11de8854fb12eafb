/**
 * A measure that grows with the data: batches go in by `update`, in any number and order, and `value` is the measure over
 * all of them. Perplexity, accuracy and, elsewhere, BLEU or an error rate have this one face.
 */
export interface Metric<Input, Value> {
  /** Takes in one batch. */
  update(input: Input): void;
  /** The measure over everything since the beginning or the last `reset`. */
  value(): Value;
  /** Forgets everything. */
  reset(): void;
}
