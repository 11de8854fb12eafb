import { ConfigError, expected, InputError, Random, type RandomState, refuseUnknown } from '@cadenza/core';
import { IGNORED, type TokenBatch } from './batch.js';
import { requirePositive } from './windows.js';

export interface StreamOptions {
  /** B: how many parts of the text are read side by side. */
  rows: number;
  /** T: how many tokens each row reads in a batch, and through how many steps the gradient goes back. */
  steps: number;
  /** Turns the text by a new random offset every epoch, so that the rows begin elsewhere. Without it they stay. */
  random?: Random;
  /**
   * `keep` (unless told): the last batch of an epoch is as short as what is left, and rows that end one token earlier have
   * {@link IGNORED} there, so that an epoch predicts every token once. `drop`: whole batches only.
   */
  partial?: 'keep' | 'drop';
}

/** A batch of the streams and where it stands. */
export interface StreamBatch extends TokenBatch {
  /** Counted from 0. */
  epoch: number;
  /** The first of an epoch: the rows begin anew, so the state is to be set to zero. */
  first: boolean;
}

/** All that {@link TokenStreams.restore} needs to go on with the very next batch. */
export type StreamCursor = {
  epoch: number;
  /** How many tokens of each row this epoch has read. */
  position: number;
  offset: number;
  random: RandomState | null;
};

/**
 * Parallel streams for truncated backpropagation through time: the text is cut into B contiguous parts of equal length
 * (the first few are one longer where it does not divide), and each batch takes the next T tokens of every part, so the
 * state after one batch is the state before the next. An epoch predicts each token but the first from the one before it,
 * once; with a random offset the text is read as a ring, and one row goes over from its end to its beginning.
 */
export class TokenStreams {
  /** How many tokens one epoch predicts; with `partial: 'drop'` the last few of each row are left out. */
  readonly predictions: number;
  readonly batchesPerEpoch: number;
  private readonly longest: number;
  private epochsDone = 0;
  private position = 0;
  private offset = 0;

  constructor(
    private readonly tokens: Int32Array,
    private readonly options: StreamOptions,
  ) {
    refuseUnknown('TokenStreams', options, ['rows', 'steps', 'random', 'partial']);
    const { rows, steps, partial = 'keep' } = options;
    requirePositive('rows', rows);
    requirePositive('steps', steps);
    if (partial !== 'keep' && partial !== 'drop') throw new ConfigError(expected('partial', 'keep or drop', partial));
    const pairs = tokens.length - 1;
    const shortest = Math.floor(Math.max(pairs, 0) / rows);
    const needed = partial === 'drop' ? steps : 1;
    if (shortest < needed) {
      throw new InputError(
        `Expected a text of at least ${rows * needed + 1} tokens for ${rows} rows of ${steps} steps, got ${tokens.length}`,
        { code: 'TOO_SHORT' },
      );
    }
    this.longest = partial === 'drop' ? shortest - (shortest % steps) : Math.ceil(pairs / rows);
    this.batchesPerEpoch = Math.ceil(this.longest / steps);
    this.predictions = partial === 'drop' ? this.longest * rows : pairs;
    this.offset = this.drawOffset();
  }

  /** How many epochs have been read so far, the fraction of this one with them. */
  get epoch(): number {
    return this.epochsDone + Math.min(1, Math.ceil(this.position / this.options.steps) / this.batchesPerEpoch);
  }

  /** The next batch; after the last of an epoch, the first of the next one. */
  next(): StreamBatch {
    if (this.position >= this.longest) {
      this.epochsDone++;
      this.position = 0;
      this.offset = this.drawOffset();
    }
    const steps = Math.min(this.options.steps, this.longest - this.position);
    const batch = this.read(steps);
    this.position += steps;
    return batch;
  }

  /** The batches from here to the end of this epoch, or a whole epoch where this one is at its end. */
  *restOfEpoch(): Generator<StreamBatch> {
    do yield this.next();
    while (this.position < this.longest);
  }

  state(): StreamCursor {
    const { epochsDone: epoch, position, offset } = this;
    return { epoch, position, offset, random: this.options.random?.state() ?? null };
  }

  restore({ epoch, position, offset, random }: StreamCursor): void {
    const fits = (value: number, limit: number): boolean => Number.isInteger(value) && value >= 0 && value <= limit;
    const pairs = this.tokens.length - 1;
    if (!fits(epoch, Infinity) || !fits(position, this.longest) || !fits(offset, pairs - 1)) {
      throw new InputError(expected('stream cursor', 'one of this text', { epoch, position, offset }), {
        code: 'CURSOR',
      });
    }
    if ((random === null) !== (this.options.random === undefined)) {
      throw new InputError(expected('random state of the cursor', this.options.random ? 'there' : 'absent', random));
    }
    if (random) this.options.random?.restore(random);
    Object.assign(this, { epochsDone: epoch, position, offset });
  }

  private drawOffset(): number {
    return this.options.random?.integer(this.tokens.length - 1) ?? 0;
  }

  private read(steps: number): StreamBatch {
    const { tokens, epochsDone: epoch, position } = this;
    const { rows } = this.options;
    const pairs = tokens.length - 1;
    const shortest = Math.floor(pairs / rows);
    const longer = pairs % rows; // so many rows have one more
    const inputs = new Int32Array(rows * steps);
    const targets = new Int32Array(rows * steps).fill(IGNORED);
    let predictions = 0;
    for (let row = 0; row < rows; row++) {
      const start = this.offset + row * shortest + Math.min(row, longer) + position;
      const count = Math.min(steps, shortest + (row < longer ? 1 : 0) - position);
      for (let step = 0; step < count; step++) {
        const at = (start + step) % pairs;
        inputs[row * steps + step] = tokens[at];
        targets[row * steps + step] = tokens[at + 1];
      }
      predictions += count;
    }
    return { inputs, targets, rows, steps, predictions, epoch, first: position === 0 };
  }
}
