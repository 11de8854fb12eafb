import type * as tf from '@tensorflow/tfjs-core';

/**
 * How the rows of one step are arranged. A row is one hypothesis of one sentence; those of a sentence stand side by side, equally
 * many for each, so that a model may see R rows as [A, K]: A sentences still searched, K rows each. K is 1 in the first step,
 * where every sentence has one hypothesis, the empty one. Rows without a hypothesis (a beam that is not full) hold copies
 * of another; what the model says of them is not looked at.
 */
export interface SearchRows {
  /** int32 [R], the sentence of each row, counted as in the initial state; rising */
  sentenceOfRow: Int32Array;
  /** int32 [A], the sentences still searched, rising: `sentenceOfRow` without repetitions */
  sentences: Int32Array;
  /** K */
  rowsPerSentence: number;
  /** How many tokens of each hypothesis the model has read before this step. */
  position: number;
}

/** What a model says of one step. */
export interface SearchStep<State> {
  /** [R, V], what precedes a softmax; not necessarily normalised */
  logits: tf.Tensor2D;
  /** The state after this step's tokens, R rows. */
  state: State;
  /** [R, S], the weights with which this step attended to the source; for coverage penalties and alignments */
  attention?: tf.Tensor2D;
}

/**
 * All that searching knows of a model of sequences.
 *
 * `step` and `select` always make new states and leave the old one as it is. The search calls `dispose` for each state that they made
 * when it is no longer needed, and never for the initial one, which remains the caller's. A state that hands a tensor on unchanged
 * therefore takes `tensor.clone()`, which shares the values.
 * `logits` and `attention` of a step become the search's, which disposes of them.
 */
export interface SearchModel<State> {
  /** V */
  readonly vocabularySize: number;
  /** Reads one more token of each row, int32 [R], and gives the logits of the next one. */
  step(tokens: Int32Array, state: State, rows: SearchRows): SearchStep<State>;
  /**
   * The state of rows `rows` (int32 [R'], places among the old rows) in that order. `sentences` (int32 [A']) are the places, among
   * the sentences of the old rows, of those that go on, rising; what a model keeps per sentence is gathered with it.
   */
  select(state: State, rows: Int32Array, sentences: Int32Array): State;
  dispose(state: State): void;
}

/** A finished sequence. */
export interface Hypothesis {
  /** The tokens, without those that start and end a sentence. */
  tokens: number[];
  /** What hypotheses are ranked by: `logProbability` over the length penalty, plus the coverage penalty. */
  score: number;
  /** log p of the whole sequence, its end included, as the model gives it; nats */
  logProbability: number;
  /** log p of each token given those before it; last of all that of the end token, which `tokens` leaves out. */
  tokenLogProbabilities: Float64Array;
  /**
   * [T, S] attention of each step, T as in `tokenLogProbabilities`, S the sentence's source length where that was given, otherwise
   * the width of the model's attention; only where `returnAttention` asks for it.
   */
  attention?: Float32Array;
  /**
   * False where the model did not choose to end here: the end token was forced after `maxLength` tokens, or there was no token left
   * to choose from (then the sequence has no end token either).
   */
  finished: boolean;
}
