import { ConfigError, expected } from '../errors.js';
import { integerFrom, numberIn, positiveInteger } from '../options.js';
import type { Random } from '../random.js';
import {
  applyTemperature,
  argmax,
  banTokens,
  drawToken,
  keepTopK,
  keepTopP,
  logSoftmax,
  penalizeRepetition,
} from './logitsFilters.js';

/** How the next token is chosen from a model's logits. */
export interface ChoiceOptions {
  /** 1 unless told; 0 always takes the most likely token. */
  temperature?: number;
  /** Chooses among the k most likely tokens only. */
  topK?: number;
  /** Chooses among the smallest set of likely tokens whose probabilities add up to p. */
  topP?: number;
  /** Above 1, makes tokens of the last `repetitionWindow` ones less likely. */
  repetitionPenalty?: number;
  /** 64 unless told. */
  repetitionWindow?: number;
  /** Tokens never to choose, such as `<unk>`. */
  bannedTokens?: readonly number[];
}

export const choiceOptionNames = [
  ...['temperature', 'topK', 'topP', 'repetitionPenalty', 'repetitionWindow', 'bannedTokens'],
];

export interface Choice {
  token: number;
  /** log p of the token as the model gives it, before any option here changed it; nats. */
  logProbability: number;
}

export const DEFAULT_REPETITION_WINDOW = 64;

/** A smaller one would make infinities of float32 logits. */
const SMALLEST_TEMPERATURE = 1e-6;

/**
 * Chooses one token: bans, repetition penalty, temperature, top-k, then top-p narrow the distribution, and the generator
 * draws from what is left. At temperature 0 nothing is drawn.
 */
export function chooseToken(
  logits: Float32Array,
  history: readonly number[],
  options: ChoiceOptions,
  random: Pick<Random, 'next'>,
): Choice {
  const { temperature = 1, topK, topP, repetitionPenalty = 1, bannedTokens = [] } = options;
  const window = options.repetitionWindow ?? DEFAULT_REPETITION_WINDOW;
  const logProbabilities = logSoftmax(logits);
  let filtered = logits;
  if (bannedTokens.length > 0) filtered = banTokens(filtered, bannedTokens);
  if (repetitionPenalty !== 1 && window > 0) {
    filtered = penalizeRepetition(filtered, history.slice(-window), repetitionPenalty);
  }
  if (temperature > 0) {
    if (temperature !== 1) filtered = applyTemperature(filtered, temperature);
    if (topK !== undefined) filtered = keepTopK(filtered, topK);
    if (topP !== undefined) filtered = keepTopP(filtered, topP);
  }
  const token = temperature > 0 ? drawToken(filtered, random) : argmax(filtered);
  if (filtered[token] === -Infinity) logSoftmax(filtered); // refuses logits among which there is nothing to choose
  return { token, logProbability: logProbabilities[token] };
}

/** Refuses an option out of its range before the first token is drawn. */
export function checkChoiceOptions(options: ChoiceOptions): void {
  const { temperature = 1, topK = 1, topP = 1, repetitionPenalty = 1, repetitionWindow = 1 } = options;
  numberIn(temperature, '[0,Infinity)', 'temperature');
  if (temperature > 0 && temperature < SMALLEST_TEMPERATURE) {
    throw new ConfigError(expected('temperature', `0 or at least ${SMALLEST_TEMPERATURE}`, temperature));
  }
  positiveInteger(topK, 'topK');
  numberIn(topP, '(0,1]', 'topP');
  numberIn(repetitionPenalty, '[1,Infinity)', 'repetitionPenalty');
  integerFrom(0, repetitionWindow, 'repetitionWindow');
}
