import { ConfigError, expected, InputError } from '../errors.js';
import type { Random } from '../random.js';

/** The log-probabilities of a softmax, in float64: log p_i = x_i - log sum_j exp(x_j). */
export function logSoftmax(logits: Float32Array): Float64Array {
  let largest = -Infinity;
  for (const logit of logits) {
    if (Number.isNaN(logit) || logit === Infinity) {
      throw new InputError(expected('logits', 'numbers below infinity', logit), { code: 'NON_FINITE' });
    }
    if (logit > largest) largest = logit;
  }
  if (largest === -Infinity)
    throw new InputError('Expected at least one token to choose from, got none: all are banned');
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const logSum = Math.log(sum);
  return Float64Array.from(logits, (logit) => logit - largest - logSum);
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
  return logits.map((logit) => logit / temperature);
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
export function drawToken(logits: Float32Array, random: Random): number {
  const logProbabilities = logSoftmax(logits);
  let left = random.next();
  let last = -1;
  for (let id = 0; id < logits.length; id++) {
    const probability = Math.exp(logProbabilities[id]);
    if (probability === 0) continue;
    if (left < probability) return id;
    left -= probability;
    last = id;
  }
  return last; // only where rounding leaves the sum a hair below one
}

/** Ids by falling logit, the lower id first among equals. */
function byLogit(logits: Float32Array): Int32Array {
  return Int32Array.from(logits.keys()).sort((a, b) =>
    logits[a] === logits[b] ? a - b : logits[b] > logits[a] ? 1 : -1,
  );
}

function keepOnly(logits: Float32Array, ids: Int32Array): Float32Array {
  const filtered = new Float32Array(logits.length).fill(-Infinity);
  for (const id of ids) filtered[id] = logits[id];
  return filtered;
}
