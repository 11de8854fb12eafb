import { InputError, Random, type BatchSource } from '@cadenza/core';
import { BOS_ID, BucketBatches, padBatch, type BucketCursor, type PairLengths, type SentencePair } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import type { PairBatch, SourceBatch, TeacherPredictions } from '@cadenza/core';
import type { SentenceCodec } from './codec.js';
import type { Config } from './config.js';

/** A pair as ids, each side with its end token. */
export interface EncodedPair {
  source: Int32Array;
  target: Int32Array;
  /** What teachers say of the target, once they have read it. */
  teacher?: PairTeacher;
}

/** What teachers say of the target of a pair: at each of its T tokens, the `count` most probable ones. */
export interface PairTeacher {
  count: number;
  /** [T * count] */
  ids: Int32Array;
  /** [T * count] */
  probabilities: Float32Array;
}

/** Pairs as the rows of a batch. */
export interface PairRows {
  pairs: readonly EncodedPair[];
  /** Target tokens, end tokens included. */
  tokens: number;
}

/** What the trainer reads: batches of pairs of like length, with new subwords in each epoch where merges are dropped. */
export interface TrainingSource extends BatchSource<PairRows> {
  readonly epoch: number;
  readonly batchesPerEpoch: number;
}

export function encodePairs(pairs: readonly SentencePair[], codec: SentenceCodec): EncodedPair[] {
  return pairs.map(({ source, target }) => ({
    source: codec.encode(source, 'source').ids,
    target: codec.encode(target, 'target').ids,
  }));
}

/**
 * The pairs as teachers read them: with all merges, or, where they read more than once and merges are dropped, with others of the
 * targets' dropped in each reading. Depends on the seed of the configuration only.
 */
export function teacherReadings(
  pairs: readonly SentencePair[],
  codec: SentenceCodec,
  { seed, text, training }: Config,
): EncodedPair[][] {
  const whole = encodePairs(pairs, codec);
  if (training.teacherReadings === 1) return [whole];
  const words = pairs.map(({ target }) => codec.words(target, 'target'));
  const random = new Random(seed).fork('readings of teachers');
  return Array.from({ length: training.teacherReadings }, (_, reading) => {
    const draws = { rate: text.mergeDropout, random: random.fork(`reading ${reading}`) };
    return whole.map(({ source, target }, index) => {
      const { ids } = codec.encodeWords(words[index], 'target', draws);
      return { source, target: ids.length > training.batchTokens ? target : ids };
    });
  });
}

/**
 * The batches of training. An epoch's subwords and batches depend on the seed and its number only, so that a cursor resumes them.
 * @param readings of teachers, who may say what they have to say later: epochs take their targets in turn
 */
export function trainingSource(
  pairs: readonly SentencePair[],
  codec: SentenceCodec,
  { text, training }: Config,
  random: Random,
  readings?: readonly (readonly EncodedPair[])[],
): TrainingSource {
  const dropout = { rate: text.mergeDropout, limit: training.batchTokens, random };
  const epochs = new EpochPairs(pairs, codec, dropout, readings);
  const batches = new BucketBatches((epoch) => epochs.of(epoch).map(lengthsOf), {
    maximumTokens: training.batchTokens,
    maximumSentences: training.batchPairs ?? undefined,
    poolSize: training.poolSize ?? undefined,
    seed: random.fork('batches').nextUint32(),
  });
  const { batchesPerEpoch } = batches;
  return {
    batchesPerEpoch,
    next() {
      const { examples, epoch } = batches.next();
      const encoded = epochs.of(epoch);
      const reading = epochs.readingOf(epoch);
      return pairRows(Array.from(examples, (index) => ({ ...encoded[index], teacher: reading[index].teacher })));
    },
    state: () => batches.state(),
    restore: (cursor) => batches.restore(cursor as BucketCursor),
    get epoch() {
      return batches.epoch;
    },
  };
}

function lengthsOf({ source, target }: EncodedPair): PairLengths {
  return { source: source.length, target: target.length };
}

/** The pairs as the subwords of an epoch. */
class EpochPairs {
  private epoch = -1;
  private pairs: readonly EncodedPair[] = [];
  /** None where no merges are dropped. */
  private readonly words: readonly { source: string[]; target: string[] }[];
  private readonly readings: readonly (readonly EncodedPair[])[];
  private readonly taught: boolean;

  constructor(
    pairs: readonly SentencePair[],
    private readonly codec: SentenceCodec,
    private readonly dropout: { rate: number; limit: number; random: Random },
    readings: readonly (readonly EncodedPair[])[] | undefined,
  ) {
    this.taught = readings !== undefined;
    this.readings = readings ?? [encodePairs(pairs, codec)];
    this.words = (dropout.rate > 0 ? pairs : []).map(({ source, target }) => ({
      source: codec.words(source, 'source'),
      target: this.taught ? [] : codec.words(target, 'target'),
    }));
  }

  /** The pairs as they are read in an epoch before merges of its own are dropped. */
  readingOf(epoch: number): readonly EncodedPair[] {
    return this.readings[epoch % this.readings.length];
  }

  of(epoch: number): readonly EncodedPair[] {
    const { rate, limit, random } = this.dropout;
    const read = this.readingOf(epoch);
    if (rate === 0) return read;
    if (epoch !== this.epoch) {
      const draws = { rate, random: random.fork(`subwords of epoch ${epoch}`) };
      this.epoch = epoch;
      this.pairs = this.words.map((pair, index) => {
        const source = this.codec.encodeWords(pair.source, 'source', draws).ids;
        const target = this.taught ? read[index].target : this.codec.encodeWords(pair.target, 'target', draws).ids;
        // Dropping can make more subwords than a batch takes: then this pair keeps its merges for once.
        return Math.max(source.length, target.length) > limit ? read[index] : { source, target };
      });
    }
    return this.pairs;
  }
}

/** Pairs as rows, those with the longest targets first: a decoder's later steps then compute the first rows only. */
export function pairRows(pairs: readonly EncodedPair[]): PairRows {
  const sorted = [...pairs].sort((a, b) => b.target.length - a.target.length);
  return { pairs: sorted, tokens: sorted.reduce((sum, { target }) => sum + target.length, 0) };
}

/** Source sentences as the tensors of a batch. The caller disposes of them. */
export function sourceTensors(sources: readonly Int32Array[]): SourceBatch {
  const { ids, lengths, rows, steps } = padBatch(sources);
  return { source: tf.tensor2d(ids, [rows, steps], 'int32'), sourceLengths: tf.tensor1d(lengths, 'int32') };
}

/** Pairs as the tensors of a batch, for teacher forcing. The caller disposes of them. */
export function pairTensors(pairs: readonly EncodedPair[]): PairBatch {
  const targets = padBatch(
    pairs.map(({ target }) => target),
    -1,
  );
  const shape: [number, number] = [targets.rows, targets.steps];
  const inputs = padBatch(pairs.map(({ target }) => decoderInputs(target)));
  return {
    ...sourceTensors(pairs.map(({ source }) => source)),
    inputs: tf.tensor2d(inputs.ids, shape, 'int32'),
    targets: tf.tensor2d(targets.ids, shape, 'int32'),
    targetLengths: tf.tensor1d(targets.lengths, 'int32'),
  };
}

/** What teachers say of pairs, padded; undefined where there are none. The caller disposes of it. */
export function teacherTensors(pairs: readonly EncodedPair[]): TeacherPredictions | undefined {
  const count = pairs[0]?.teacher?.count;
  if (count === undefined) return undefined;
  const steps = Math.max(...pairs.map(({ target }) => target.length));
  const ids = new Int32Array(pairs.length * steps * count);
  const probabilities = new Float32Array(ids.length);
  pairs.forEach(({ teacher }, row) => {
    ids.set(teacher!.ids, row * steps * count);
    probabilities.set(teacher!.probabilities, row * steps * count);
  });
  const shape: [number, number, number] = [pairs.length, steps, count];
  return { ids: tf.tensor3d(ids, shape, 'int32'), probabilities: tf.tensor3d(probabilities, shape) };
}

/** The start token, and the target but its last token. */
function decoderInputs(target: Int32Array): Int32Array {
  const inputs = new Int32Array(target.length);
  inputs[0] = BOS_ID;
  inputs.set(target.subarray(0, -1), 1);
  return inputs;
}

/**
 * Refuses a pair that is far longer than any sentence and is read as a whole, which would take all the memory there is.
 * @param placeOf names a side of a pair
 */
export function checkPairLengths(
  pairs: readonly SentencePair[],
  codec: SentenceCodec,
  batchTokens: number,
  placeOf: (index: number, side: 'source' | 'target') => string,
): void {
  const limit = Math.max(4096, batchTokens);
  pairs.forEach((pair, index) => {
    for (const side of ['source', 'target'] as const) {
      const { length } = codec.encode(pair[side], side).ids;
      if (length <= limit) continue;
      throw new InputError(`Expected at most ${limit} subwords in ${placeOf(index, side)}, got ${length}`);
    }
  });
}
