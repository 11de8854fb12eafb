import { ConfigError, expected, InputError } from '../errors.js';
import type { Random } from '../random.js';

/** The log-probabilities of a softmax, in float64: log p_i = x_i - log sum_j exp(x_j). */
export function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const largest = largestLogit(logits);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - largest);
  const logSum = Math.log(sum);
  const logProbabilities = new Float64Array(logits.length);
  for (let id = 0; id < logits.length; id++) logProbabilities[id] = logits[id] - largest - logSum;
  return logProbabilities;
}

/** The largest logit, which is finite where there is something to choose. */
function largestLogit(logits: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id];
    if (Number.isNaN(logit) || logit === Infinity) {
      throw new InputError(expected('logits', 'numbers below infinity', logit), { code: 'NON_FINITE' });
    }
    if (logit > largest) largest = logit;
  }
  if (largest === -Infinity)
    throw new InputError('Expected at least one token to choose from, got none: all are banned');
  return largest;
}

/** The token with the largest logit; the lowest id of several. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id] > logits[best]) best = id;
  return best;
}

/** Logits divided by the temperature: below 1 sharpens the distribution, above 1 flattens it. */
export function applyTemperature(logits: Float32Array, temperature: number): Float32Array {
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new ConfigError(expected('temperature', 'a positive number', temperature));
  }
  const scaled = new Float32Array(logits.length);
  for (let id = 0; id < scaled.length; id++) scaled[id] = logits[id] / temperature;
  return scaled;
}

/** Keeps the k largest logits, the lower id of equals, and makes the others impossible. */
export function keepTopK(logits: Float32Array, k: number): Float32Array {
  if (!Number.isInteger(k) || k < 1) throw new ConfigError(expected('topK', 'a positive integer', k));
  if (k >= logits.length) return logits.slice();
  return keepOnly(logits, byLogit(logits).subarray(0, k));
}

/**
 * Keeps the smallest set of the most probable tokens whose probabilities add up to p or more (nucleus sampling; Holtzman
 * et al. 2020, section 3.1), at least one, and makes the others impossible.
 */
export function keepTopP(logits: Float32Array, p: number): Float32Array {
  if (!(p > 0 && p <= 1)) throw new ConfigError(expected('topP', 'a number of (0, 1]', p));
  if (p === 1) return logits.slice();
  const logProbabilities = logSoftmax(logits);
  const order = byLogit(logits);
  let mass = 0;
  let count = 0;
  while (count < order.length && mass < p) mass += Math.exp(logProbabilities[order[count++]]);
  return keepOnly(logits, order.subarray(0, count));
}

/**
 * Makes the tokens of `history` less likely, each once however often it occurs (CTRL; Keskar et al. 2019, section 4.1:
 * x_i / penalty). Dividing a negative logit would make its token more likely; those are multiplied instead.
 */
export function penalizeRepetition(logits: Float32Array, history: Iterable<number>, penalty: number): Float32Array {
  if (!(penalty >= 1 && penalty < Infinity)) {
    throw new ConfigError(expected('repetitionPenalty', 'a number of at least 1', penalty));
  }
  const penalized = logits.slice();
  for (const id of new Set(history)) {
    if (id >= 0 && id < logits.length) penalized[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
  }
  return penalized;
}

/** Makes some tokens impossible. */
export function banTokens(logits: Float32Array, ids: Iterable<number>): Float32Array {
  const filtered = logits.slice();
  for (const id of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= logits.length) {
      throw new ConfigError(expected('banned token', `an id from 0 to ${logits.length - 1}`, id));
    }
    filtered[id] = -Infinity;
  }
  return filtered;
}

/** Draws a token with the probability that the softmax of the logits gives it. Takes one number of the generator. */
export function drawToken(logits: Float32Array, random: Pick<Random, 'next'>): number {
  const largest = largestLogit(logits);
  const weights = new Float64Array(logits.length);
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += weights[id] = Math.exp(logits[id] - largest);
  let left = random.next() * sum;
  let last = -1;
  for (let id = 0; id < logits.length; id++) {
    if (weights[id] === 0) continue;
    if (left < weights[id]) return id;
    left -= weights[id];
    last = id;
  }
  return last; // only where rounding leaves the weights a hair below their sum
}

/** Ids by falling logit, the lower id first among equals. */
function byLogit(logits: Float32Array): Int32Array {
  const ids = new Int32Array(logits.length);
  for (let id = 0; id < ids.length; id++) ids[id] = id;
  return ids.sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b] > logits[a] ? 1 : -1));
}

function keepOnly(logits: Float32Array, ids: Int32Array): Float32Array {
  const filtered = new Float32Array(logits.length).fill(-Infinity);
  for (const id of ids) filtered[id] = logits[id];
  return filtered;
}
