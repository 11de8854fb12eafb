import { ConfigError, expected, InputError, Random, refuseUnknown } from '@cadenza/core';
import { PAD_ID } from './subwordVocabulary.js';
import { requirePositive } from './windows.js';

/** How many tokens the two sides of an example have, special tokens included. */
export interface PairLengths {
  source: number;
  target: number;
}

export interface BucketOptions {
  /** The most tokens a batch may have on either side, padding included: rows times the longest. */
  maximumTokens: number;
  /** The most examples in a batch; no limit unless told. */
  maximumSentences?: number;
  /** How many examples, in random order, are sorted by length together; all unless told. Fewer make more varied batches. */
  poolSize?: number;
}

/**
 * The batches of one epoch: lists of examples of similar length, every example in one of them. The examples are shuffled,
 * sorted by source and then target length within each pool (ties stay shuffled), cut into batches, and the batches are
 * shuffled. Within a batch the longest source comes first, so that the rows of a step that are still read come first.
 */
export function bucketBatches(lengths: readonly PairLengths[], options: BucketOptions, random: Random): Int32Array[] {
  checkOptions('bucketBatches', options);
  checkLengths(lengths, options);
  const { poolSize = lengths.length } = options;
  const order = random.shuffle(Int32Array.from(lengths, (_, index) => index));
  const batches: Int32Array[] = [];
  for (let start = 0; start < order.length; start += poolSize) {
    const pool = order
      .slice(start, start + poolSize)
      .sort((a, b) => lengths[b].source - lengths[a].source || lengths[b].target - lengths[a].target);
    for (const batch of cut(pool, lengths, options)) batches.push(batch);
  }
  return random.shuffle(batches);
}

/** Cuts sorted examples into batches, each as large as the limits allow. */
function* cut(
  pool: Int32Array,
  lengths: readonly PairLengths[],
  { maximumTokens, maximumSentences = Infinity }: BucketOptions,
): Generator<Int32Array> {
  let start = 0;
  let longest = 0;
  for (let end = 0; end < pool.length; end++) {
    const { source, target } = lengths[pool[end]];
    const longer = Math.max(longest, source, target);
    const rows = end - start + 1;
    if (rows > maximumSentences || rows * longer > maximumTokens) {
      yield pool.slice(start, end);
      start = end;
      longest = 0;
    }
    longest = Math.max(longest, source, target);
  }
  if (start < pool.length) yield pool.slice(start);
}

/** All that {@link BucketBatches.restore} needs to go on with the very next batch. */
export type BucketCursor = {
  epoch: number;
  /** How many batches of this epoch are done. */
  index: number;
};

/** A batch of examples and where it stands. */
export interface ExampleBatch {
  /** The examples, by their places in the corpus. */
  examples: Int32Array;
  /** Counted from 0. */
  epoch: number;
  /** Counted from 0 within the epoch. */
  index: number;
}

/**
 * Epoch after epoch of {@link bucketBatches}. An epoch's batches depend on the seed, the epoch and its lengths only, so a
 * cursor of two numbers resumes at the very next batch. Lengths that change from epoch to epoch, as with BPE-dropout, are
 * given as a function, which must give an epoch the same lengths each time.
 */
export class BucketBatches {
  private epochsDone = 0;
  private index = 0;
  private batches: Int32Array[] | undefined; // of this epoch, once they are needed

  constructor(
    private readonly lengths: readonly PairLengths[] | ((epoch: number) => readonly PairLengths[]),
    private readonly options: BucketOptions & { seed: number },
  ) {
    checkOptions('BucketBatches', options, ['seed']);
  }

  /** The next batch; after the last of an epoch, the first of the next one. */
  next(): ExampleBatch {
    if (this.index >= this.batchesPerEpoch) {
      this.epochsDone++;
      this.index = 0;
      this.batches = undefined;
    }
    const { epochsDone: epoch, index } = this;
    const examples = this.current()[index];
    this.index++;
    return { examples, epoch, index };
  }

  /** The batches from here to the end of this epoch, or a whole epoch where this one is at its end. */
  *restOfEpoch(): Generator<ExampleBatch> {
    do yield this.next();
    while (this.index < this.batchesPerEpoch);
  }

  /** How many epochs have been read so far, the fraction of this one with them. */
  get epoch(): number {
    return this.epochsDone + this.index / this.batchesPerEpoch;
  }

  /** How many batches the epoch at hand has. */
  get batchesPerEpoch(): number {
    return this.current().length;
  }

  state(): BucketCursor {
    return { epoch: this.epochsDone, index: this.index };
  }

  restore({ epoch, index }: BucketCursor): void {
    const whole = (value: number): boolean => Number.isInteger(value) && value >= 0;
    if (!whole(epoch) || !whole(index)) {
      throw new InputError(expected('batch cursor', 'an epoch and an index', { epoch, index }), { code: 'CURSOR' });
    }
    const before = this.state();
    Object.assign(this, { epochsDone: epoch, index, batches: undefined });
    const count = this.batchesPerEpoch;
    if (index <= count) return;
    Object.assign(this, { epochsDone: before.epoch, index: before.index, batches: undefined });
    throw new InputError(expected('batch cursor', `one of ${count} batches`, { epoch, index }), { code: 'CURSOR' });
  }

  private current(): Int32Array[] {
    const { lengths, epochsDone: epoch } = this;
    const { seed, ...options } = this.options;
    return (this.batches ??= bucketBatches(
      typeof lengths === 'function' ? lengths(epoch) : lengths,
      options,
      new Random(seed).fork(`batches of epoch ${epoch}`),
    ));
  }
}

/** Rows of unequal length in one array. */
export interface PaddedBatch {
  /** [B, S], row-major: each row's ids, then padding */
  ids: Int32Array;
  /** [B] */
  lengths: Int32Array;
  /** B */
  rows: number;
  /** S: the length of the longest row */
  steps: number;
}

/** Sequences as the rows of one array, each filled up with `padId` to the length of the longest. */
export function padBatch(sequences: readonly ArrayLike<number>[], padId = PAD_ID): PaddedBatch {
  if (sequences.length === 0) throw new InputError('Expected at least one sequence for a batch, got none');
  const lengths = Int32Array.from(sequences, (sequence) => sequence.length);
  const steps = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const ids = new Int32Array(sequences.length * steps).fill(padId); // [B, S]
  sequences.forEach((sequence, row) => ids.set(sequence, row * steps));
  return { ids, lengths, rows: sequences.length, steps };
}

function checkOptions(owner: string, options: BucketOptions, own: readonly string[] = []): void {
  refuseUnknown(owner, options, ['maximumTokens', 'maximumSentences', 'poolSize', ...own]);
  const { maximumTokens, maximumSentences, poolSize } = options;
  requirePositive('maximumTokens', maximumTokens);
  if (maximumSentences !== undefined) requirePositive('maximumSentences', maximumSentences);
  if (poolSize !== undefined) requirePositive('poolSize', poolSize);
}

function checkLengths(lengths: readonly PairLengths[], { maximumTokens }: BucketOptions): void {
  if (lengths.length === 0) throw new InputError('Expected examples to make batches of, got none', { code: 'EMPTY' });
  lengths.forEach(({ source, target }, index) => {
    if (!Number.isInteger(source) || !Number.isInteger(target) || source < 1 || target < 1) {
      throw new InputError(expected(`lengths of example ${index}`, 'positive integers', { source, target }));
    }
    if (Math.max(source, target) > maximumTokens) {
      throw new ConfigError(
        `Expected maximumTokens to be at least the longest side, ${Math.max(source, target)} tokens in example ${index}, got ${maximumTokens}`,
      );
    }
  });
}
