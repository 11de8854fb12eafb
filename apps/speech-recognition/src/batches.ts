import type { FeatureMatrix } from '@cadenza/audio';
import { plural } from '@cadenza/cli';
import { InputError, type BatchSource, type FrameBatch, type Random, type TranscribedBatch } from '@cadenza/core';
import { BucketBatches, padBatch, type BucketCursor, type PairLengths } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { exampleLength, planExamples, realizeExample, type Example } from './augmentation.js';
import type { Config } from './config.js';
import type { FeaturePipeline } from './features.js';
import type { SymbolTable } from './symbols.js';
import type { Utterance } from './utterances.js';

/** What the network reads of a recording, and the ids of what was said. */
export interface FeatureRow {
  features: FeatureMatrix;
  labels: Int32Array;
}

/** Recordings as the rows of a batch, the longest first. */
export interface FeatureRows {
  rows: readonly FeatureRow[];
  /** Frames that the network reads. */
  frames: number;
}

/** What the trainer reads. */
export interface TrainingSource extends BatchSource<FeatureRows> {
  next(): FeatureRows;
  readonly epoch: number;
  readonly batchesPerEpoch: number;
}

/**
 * The batches of training. An epoch's examples depend on the seed and its number only, so that a cursor resumes them. With consistency
 * each is there twice, one view after the other.
 */
export function trainingSource(
  utterances: readonly Utterance[],
  symbols: SymbolTable,
  pipeline: FeaturePipeline,
  { augmentation, training }: Config,
  random: Random,
): TrainingSource {
  const labels = utterances.map(({ text }) => symbols.encode(text).ids);
  const separator = symbols.separator;
  const plans = new EpochPlans(utterances, pipeline, augmentation, random);
  const { batchFrames } = training;
  const views = training.consistency > 0 ? 2 : 1;
  const longest = plans.of(0).lengths.reduce((most, { source }) => Math.max(most, source), 0);
  if (longest > batchFrames) {
    throw new InputError(
      `Expected recordings of at most training.batchFrames ${plural(batchFrames, 'frame')}, got one of ${longest}`,
    );
  }
  // Speeds and pauses are drawn anew in each epoch: an example that comes out longer than any batch is one by itself.
  const lengthsOf = (epoch: number): PairLengths[] =>
    plans.of(epoch).lengths.map(({ source, target }) => ({ source: Math.min(source, batchFrames), target }));
  const batches = new BucketBatches(lengthsOf, {
    maximumTokens: batchFrames,
    maximumSentences: training.batchRecordings ?? undefined,
    seed: random.fork('batches').nextUint32(),
  });
  const { batchesPerEpoch } = batches;
  return {
    batchesPerEpoch,
    next() {
      const { examples, epoch } = batches.next();
      const plan = plans.of(epoch).examples;
      return featureRows(
        Array.from(examples).flatMap((index) => {
          const example = { ...plan[index], random: plan[index].random.fork('draws') };
          const own = joinLabels(example, labels, separator);
          const seen = realizeExample(example, utterances, pipeline, augmentation, views);
          return seen.map((features) => ({ features, labels: own }));
        }),
      );
    },
    state: () => batches.state(),
    restore: (cursor) => batches.restore(cursor as BucketCursor),
    get epoch() {
      return batches.epoch;
    },
  };
}

/** The examples of one epoch at a time. */
class EpochPlans {
  private epoch = -1;
  private plan: { examples: Example[]; lengths: PairLengths[] } = { examples: [], lengths: [] };

  constructor(
    private readonly utterances: readonly Utterance[],
    private readonly pipeline: FeaturePipeline,
    private readonly augmentation: Config['augmentation'],
    private readonly random: Random,
  ) {}

  of(epoch: number): { examples: Example[]; lengths: PairLengths[] } {
    if (epoch !== this.epoch) {
      const { utterances, pipeline } = this;
      const examples = planExamples(
        utterances.length,
        this.augmentation,
        this.random.fork(`examples of epoch ${epoch}`),
      );
      const lengths = examples.map((example) => ({ source: exampleLength(example, utterances, pipeline), target: 1 }));
      this.plan = { examples, lengths };
      this.epoch = epoch;
    }
    return this.plan;
  }
}

function joinLabels({ members }: Example, labels: readonly Int32Array[], separator: number): Int32Array {
  if (members.length === 1) return labels[members[0]];
  return Int32Array.from(
    members.flatMap((member, place) => [...(place > 0 && separator >= 0 ? [separator] : []), ...labels[member]]),
  );
}

/** Rows with the longest first, those of one length in their order: later frames then compute the first rows only. */
export function featureRows(rows: readonly FeatureRow[]): FeatureRows {
  const sorted = [...rows].sort((a, b) => b.features.frames - a.features.frames);
  return { rows: sorted, frames: sorted.reduce((sum, { features }) => sum + features.frames, 0) };
}

/** Features as the tensors of a batch. The caller disposes of them. */
export function featureTensors(matrices: readonly FeatureMatrix[]): FrameBatch {
  const [{ dimension }] = matrices;
  const longest = matrices.reduce((most, { frames }) => Math.max(most, frames), 1);
  const values = new Float32Array(matrices.length * longest * dimension);
  matrices.forEach((matrix, row) => values.set(matrix.values, row * longest * dimension));
  return {
    features: tf.tensor3d(values, [matrices.length, longest, dimension]),
    frameLengths: tf.tensor1d(
      Int32Array.from(matrices, ({ frames }) => frames),
      'int32',
    ),
  };
}

/** Features and labels as the tensors of a batch, for CTC. The caller disposes of them. */
export function transcribedTensors(rows: readonly FeatureRow[]): TranscribedBatch {
  const { ids, lengths, steps } = padBatch(
    rows.map(({ labels }) => labels),
    -1,
  );
  return {
    ...featureTensors(rows.map(({ features }) => features)),
    labels: tf.tensor2d(ids, [rows.length, steps], 'int32'),
    labelLengths: tf.tensor1d(lengths, 'int32'),
  };
}

/** Features and the class of each recording, the first of its labels less the blank. The caller disposes of them. */
export function classifiedTensors(rows: readonly FeatureRow[]): FrameBatch & { classes: tf.Tensor1D } {
  return {
    ...featureTensors(rows.map(({ features }) => features)),
    classes: tf.tensor1d(
      Int32Array.from(rows, ({ labels }) => labels[0] - 1),
      'int32',
    ),
  };
}

/** Places of recordings in batches of like length, each of at most so many frames, padding included. */
export function evaluationBatches(lengths: readonly number[], maximumFrames: number): number[][] {
  const order = lengths.map((_, index) => index).sort((a, b) => lengths[b] - lengths[a]);
  const batches: number[][] = [];
  for (let at = 0; at < order.length;) {
    const rows = Math.max(1, Math.floor(maximumFrames / Math.max(1, lengths[order[at]])));
    batches.push(order.slice(at, at + rows));
    at += rows;
  }
  return batches;
}
