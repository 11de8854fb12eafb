import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect } from 'vitest';
import { logSoftmax, type SearchModel, type SearchRows } from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';

/** The logits that follow a history of tokens (the start token first) in a sentence. */
export type NextLogits = (sentence: number, history: readonly number[]) => Float32Array;

export interface ToyState {
  /** [R, T], the tokens read */
  histories: tf.Tensor2D | null;
  /** [A, 1], which sentence each is: what a real model would keep of its encoder */
  memory: tf.Tensor2D;
}

/** A model that depends on the whole history, holds tensors as a real one does, and checks how it is called. */
export class ToyModel implements SearchModel<ToyState> {
  readonly calls: SearchRows[] = [];
  selections = 0;

  constructor(
    readonly vocabularySize: number,
    private readonly next: NextLogits,
    private readonly attend?: (sentence: number, history: readonly number[]) => readonly number[],
  ) {}

  start(sentences: number): ToyState {
    const memory = tf.tensor2d(
      Float32Array.from({ length: sentences }, (_, index) => index),
      [sentences, 1],
    );
    return { histories: null, memory };
  }

  step(tokens: Int32Array, { histories, memory }: ToyState, rows: SearchRows) {
    this.calls.push(rows);
    const read = (histories?.arraySync() ?? []) as number[][];
    expect(histories === null ? tokens.length : read.length).toBe(tokens.length);
    expect(Array.from(memory.dataSync())).toEqual(Array.from(rows.sentences));
    expect(tokens.length).toBe(rows.sentences.length * rows.rowsPerSentence);
    expect(histories?.shape[1] ?? 0).toBe(rows.position);
    const known = Array.from(tokens, (token, row) => [...(read[row] ?? []), token]);
    const sentence = (row: number): number => {
      expect(rows.sentenceOfRow[row]).toBe(rows.sentences[Math.floor(row / rows.rowsPerSentence)]);
      return rows.sentenceOfRow[row];
    };
    return {
      logits: tf.tensor2d(known.map((history, row) => Array.from(this.next(sentence(row), history)))),
      state: { histories: tf.tensor2d(known), memory: memory.clone() },
      ...(this.attend
        ? { attention: tf.tensor2d(known.map((history, row) => [...this.attend!(sentence(row), history)])) }
        : {}),
    };
  }

  select({ histories, memory }: ToyState, rows: Int32Array, sentences: Int32Array): ToyState {
    this.selections++;
    return tf.tidy(() => ({
      histories: tf.gather(histories!, tf.tensor1d(rows, 'int32')),
      memory: tf.gather(memory, tf.tensor1d(sentences, 'int32')),
    }));
  }

  dispose({ histories, memory }: ToyState): void {
    expect(memory.isDisposed).toBe(false);
    tf.dispose(histories ? [histories, memory] : memory);
  }
}

/** Logits drawn afresh for every history, the same for the same seed: no structure that a search could profit from. */
export function randomLogits(vocabularySize: number, seed: number, spread = 2): NextLogits {
  const known = new Map<string, Float32Array>();
  return (sentence, history) => {
    const key = `${sentence}:${history.join(' ')}`;
    if (!known.has(key)) {
      const random = new Random(seed).fork(key);
      known.set(
        key,
        Float32Array.from({ length: vocabularySize }, () => spread * random.normal()),
      );
    }
    return known.get(key)!.slice();
  };
}

export interface ScoredSequence {
  tokens: number[];
  logProbability: number;
}

/** Every sequence of at most `maxLength` tokens before the end token, with the log-probability of it and of its end. */
export function allSequences(
  next: NextLogits,
  sentence: number,
  { startToken, endToken, maxLength }: { startToken: number; endToken: number; maxLength: number },
): ScoredSequence[] {
  const found: ScoredSequence[] = [];
  const grow = (tokens: number[], logProbability: number): void => {
    const logs = logSoftmax(next(sentence, [startToken, ...tokens]));
    found.push({ tokens, logProbability: logProbability + logs[endToken] });
    if (tokens.length === maxLength) return;
    logs.forEach((log, id) => {
      if (id !== endToken) grow([...tokens, id], logProbability + log);
    });
  };
  grow([], 0);
  return found;
}

/** Runs what leaves the number of tensors as it was. */
export async function withoutLeaks<T>(run: () => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  try {
    return await run();
  } finally {
    expect(tf.memory().numTensors).toBe(before);
  }
}
