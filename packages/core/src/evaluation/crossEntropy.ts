import { expected, InputError } from '../errors.js';
import type { Metric } from './metric.js';

export interface CrossEntropyInput {
  /** -log p of each token, in nats. */
  losses: ArrayLike<number>;
  /** The tokens; places with a negative one are left out. Without labels every loss counts. */
  labels?: ArrayLike<number>;
}

export interface CrossEntropyValue {
  /** The mean of -log p. */
  natsPerToken: number;
  /** The same in bits; per character where a token is one. */
  bitsPerToken: number;
  /** exp of the mean: among how many equally likely tokens the model as good as guesses. */
  perplexity: number;
  /** The sum, in nats. */
  nats: number;
  tokens: number;
}

/**
 * Running cross entropy: H = -(1/N) sum_n log p(token_n). The sum is kept in float64 with the rounding errors beside it
 * (Neumaier 1974), so a million small losses add up as exactly as ten.
 */
export class CrossEntropy implements Metric<CrossEntropyInput, CrossEntropyValue> {
  private sum = 0;
  private lost = 0;
  private tokens = 0;

  update({ losses, labels }: CrossEntropyInput): void {
    if (labels && labels.length !== losses.length) {
      throw new InputError(expected('labels', `as many as the losses, ${losses.length}`, labels.length));
    }
    for (let index = 0; index < losses.length; index++) {
      if (labels && labels[index] < 0) continue;
      this.add(losses[index]);
      this.tokens++;
    }
  }

  value(): CrossEntropyValue {
    if (this.tokens === 0) throw new InputError('Expected at least one token to measure, got none');
    const nats = this.sum + this.lost;
    const natsPerToken = nats / this.tokens;
    return {
      natsPerToken,
      bitsPerToken: toBits(natsPerToken),
      perplexity: Math.exp(natsPerToken),
      nats,
      tokens: this.tokens,
    };
  }

  reset(): void {
    this.sum = this.lost = this.tokens = 0;
  }

  private add(loss: number): void {
    const total = this.sum + loss;
    // Infinite losses are the truth about a model that calls what happened impossible; there is nothing to correct then.
    if (Number.isFinite(total)) {
      this.lost += Math.abs(this.sum) >= Math.abs(loss) ? this.sum - total + loss : loss - total + this.sum;
    }
    this.sum = total;
  }
}

/** Nats as bits. */
export function toBits(nats: number): number {
  return nats / Math.LN2;
}

/**
 * Bits per character of a text whose tokens cost so many nats in all: comparable between models whose tokens are
 * characters, words or pieces of words.
 */
export function bitsPerCharacter(nats: number, characters: number): number {
  if (!(characters > 0)) throw new InputError(expected('characters', 'a positive number', characters));
  return toBits(nats) / characters;
}

/** exp of the mean cross entropy in nats. */
export function perplexity(natsPerToken: number): number {
  return Math.exp(natsPerToken);
}
