import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { batchFrom, type TokenBatch } from './batch.js';

export interface WindowOptions {
  /** How many tokens each window predicts, and so the longest context plus one; 256 unless told. */
  windowLength?: number;
  /** The most windows in one batch; 32 unless told. */
  rows?: number;
}

/**
 * The windows of the `windowed` protocol, each to be read from a zero state, as nanoGPT reads a block of `block_size`:
 * window i has the inputs `text[s .. s+255]` and the targets `text[s+1 .. s+256]` with s = 256 i. So every token but the
 * very first, which nothing precedes, is a target of exactly one window. The last window may be shorter and then comes
 * alone in its batch. The sum of `predictions` is `tokens.length - 1`.
 */
export function* evaluationWindows(tokens: Int32Array, options: WindowOptions = {}): Generator<TokenBatch> {
  refuseUnknown('evaluationWindows', options, ['windowLength', 'rows']);
  const { windowLength = 256, rows = 32 } = options;
  requirePositive('windowLength', windowLength);
  requirePositive('rows', rows);
  requirePair(tokens);
  const predictions = tokens.length - 1;
  const whole = Math.floor(predictions / windowLength);
  for (let window = 0; window < whole; window += rows) {
    const count = Math.min(rows, whole - window);
    const starts = Array.from({ length: count }, (_, row) => (window + row) * windowLength);
    yield batchFrom(tokens, starts, windowLength);
  }
  const rest = predictions - whole * windowLength;
  if (rest > 0) yield batchFrom(tokens, [whole * windowLength], rest);
}

/**
 * The pieces of the `stream` protocol: one row, read from its beginning to its end with the state carried from piece to
 * piece. The sum of `predictions` is `tokens.length - 1`.
 */
export function* evaluationStream(tokens: Int32Array, steps = 256): Generator<TokenBatch> {
  requirePositive('steps', steps);
  requirePair(tokens);
  for (let start = 0; start < tokens.length - 1; start += steps) {
    yield batchFrom(tokens, [start], Math.min(steps, tokens.length - 1 - start));
  }
}

export function requirePositive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new ConfigError(expected(name, 'a positive integer', value));
}

function requirePair(tokens: Int32Array): void {
  if (tokens.length < 2) {
    throw new InputError(`Expected a text of at least 2 tokens to predict from, got ${tokens.length}`, {
      code: 'TOO_SHORT',
    });
  }
}
