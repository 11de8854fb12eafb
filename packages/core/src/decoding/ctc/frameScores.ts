import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../../errors.js';
import { assertShape, assertType } from '../../shapes.js';

/** What a CTC model says about one recording: log p(symbol | frame), frame by frame. */
export interface FrameScores {
  /** [F, V] in nats */
  logProbabilities: ArrayLike<number>;
  /** V, the blank included */
  symbolCount: number;
}

/** The frames that were given one symbol, and how sure of it the model is. */
export interface SymbolSpan {
  symbol: number;
  /** The first frame of the symbol. */
  start: number;
  /** The frame after its last. */
  end: number;
  /** The mean over its frames of p(symbol | frame), of [0, 1]. */
  confidence: number;
}

/** The blank's class where none is told. */
export const DEFAULT_BLANK = 0;

/** The scores of each recording of a batch, without its padding. logits [B, F, V], frameLengths [B] */
export async function readFrameScores(logits: tf.Tensor, frameLengths: readonly number[]): Promise<FrameScores[]> {
  const { B, F, V } = assertShape(logits, ['B', 'F', 'V'], 'logits');
  assertType(logits, 'float32', 'logits');
  if (
    frameLengths.length !== B ||
    !frameLengths.every((length) => Number.isInteger(length) && length >= 0 && length <= F)
  ) {
    throw new InputError(expected('frameLengths', `${B} integers of [0, ${F}]`, [...frameLengths]), { code: 'LENGTH' });
  }
  const scores = tf.tidy(() => tf.logSoftmax(logits as tf.Tensor3D));
  try {
    const values = await scores.data();
    return frameLengths.map((length, b) => ({
      logProbabilities: values.slice(b * F * V, (b * F + length) * V),
      symbolCount: V,
    }));
  } finally {
    scores.dispose();
  }
}

/** How many frames there are. Throws where the scores are no whole frames, or the blank none of their symbols. */
export function countFrames({ logProbabilities, symbolCount }: FrameScores, blank: number): number {
  if (!(Number.isInteger(symbolCount) && symbolCount >= 1)) {
    throw new InputError(expected('symbolCount', 'a positive integer', symbolCount), { code: 'SHAPE' });
  }
  if (logProbabilities.length % symbolCount !== 0) {
    const wanted = `a multiple of symbolCount = ${symbolCount}`;
    throw new InputError(expected('the length of logProbabilities', wanted, logProbabilities.length), {
      code: 'SHAPE',
    });
  }
  checkBlank(blank, symbolCount);
  return logProbabilities.length / symbolCount;
}

export function checkBlank(blank: number, symbolCount: number): void {
  if (!(Number.isInteger(blank) && blank >= 0 && blank < symbolCount)) {
    throw new ConfigError(expected('blank', `an integer of [0, ${symbolCount})`, blank));
  }
}

/** Refuses what is no log-probability: a model that went wrong would else give words. */
export function checkedScore(logProbability: number, frame: number): number {
  // Rounding may leave a certain symbol a little above 0.
  if (logProbability <= 1e-3) return logProbability;
  throw new InputError(expected(`logProbabilities of frame ${frame}`, 'at most 0', logProbability), {
    code: 'NON_FINITE',
  });
}
