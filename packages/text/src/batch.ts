/** The target of a place where nothing is predicted: the loss leaves it out. */
export const IGNORED = -1;

/** Some rows of text and, for each token of them, the one that follows. */
export interface TokenBatch {
  /** [B, T], row-major */
  inputs: Int32Array;
  /** [B, T]: the token after each input, or {@link IGNORED} */
  targets: Int32Array;
  /** B */
  rows: number;
  /** T */
  steps: number;
  /** How many of the targets are to be predicted. */
  predictions: number;
}

/** A batch whose row b reads `steps` tokens from `starts[b]` on, and predicts each one's successor. */
export function batchFrom(tokens: Int32Array, starts: readonly number[], steps: number): TokenBatch {
  const rows = starts.length;
  const inputs = new Int32Array(rows * steps);
  const targets = new Int32Array(rows * steps);
  starts.forEach((start, row) => {
    inputs.set(tokens.subarray(start, start + steps), row * steps);
    targets.set(tokens.subarray(start + 1, start + 1 + steps), row * steps);
  });
  return { inputs, targets, rows, steps, predictions: rows * steps };
}
