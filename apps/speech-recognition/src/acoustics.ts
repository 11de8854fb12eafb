import type { FeatureMatrix } from '@cadenza/audio';
import { readFrameScores, type AcousticModel, type FrameScores, eventLoopTurn } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { evaluationBatches, featureTensors } from './batches.js';
import type { FeaturePipeline } from './features.js';
import type { Voice } from './voices.js';

/** Frames of a batch where nothing is learned. */
const BATCH_FRAMES = 4000;

export interface ScoringOptions {
  signal?: AbortSignal;
  onProgress?: (done: number) => void;
}

/** What a model says about each recording's frames, in the order given; recordings without a frame say nothing. */
export async function scoreFrames(
  model: AcousticModel,
  features: readonly FeatureMatrix[],
  options: ScoringOptions = {},
): Promise<FrameScores[]> {
  const scores: FrameScores[] = features.map(() => ({
    logProbabilities: new Float32Array(0),
    symbolCount: model.config.classes,
  }));
  await inBatches(features, options, async (places, matrices) => {
    const logits = tf.tidy(() => model.forward(featureTensors(matrices)).logits);
    try {
      const read = await readFrameScores(
        logits,
        matrices.map(({ frames }) => frames),
      );
      places.forEach((place, row) => (scores[place] = read[row]));
    } finally {
      logits.dispose();
    }
  });
  return scores;
}

/** log p(class | recording) of each recording, [V] each; undefined for recordings without a frame. */
export async function scoreClasses(
  model: AcousticModel,
  features: readonly FeatureMatrix[],
  options: ScoringOptions = {},
): Promise<(Float32Array | undefined)[]> {
  const scores = features.map((): Float32Array | undefined => undefined);
  await inBatches(features, options, async (places, matrices) => {
    const logs = tf.tidy(() => tf.logSoftmax(model.classify(featureTensors(matrices))));
    try {
      const values = (await logs.data()) as Float32Array;
      const { classes } = model.config;
      places.forEach((place, row) => (scores[place] = values.slice(row * classes, (row + 1) * classes)));
    } finally {
      logs.dispose();
    }
  });
  return scores;
}

/** A recording before the last steps of its features. */
export interface Heard {
  frames: FeatureMatrix;
  /** Of the speaker, where it is known. */
  voice?: Voice;
}

/**
 * The same of recordings as of several vocal tracts: the mean of what each way of hearing says (Lee and Rose 1998 choose one, which takes
 * more than a word to tell).
 */
export async function scoreVocalTracts(
  model: AcousticModel,
  pipeline: FeaturePipeline,
  recordings: readonly Heard[],
  { factors, ...options }: ScoringOptions & { factors: readonly number[] },
): Promise<(Float32Array | undefined)[]> {
  const { onProgress } = options;
  let sums: (Float32Array | undefined)[] | undefined;
  for (const [round, factor] of factors.entries()) {
    const features = recordings.map(({ frames, voice }) => pipeline.finish(frames, voice, factor));
    const scores = await scoreClasses(model, features, {
      ...options,
      onProgress: (done) => onProgress?.(Math.floor((round * recordings.length + done) / factors.length)),
    });
    sums = sums?.map((sum, index) => sum?.map((value, label) => value + scores[index]![label])) ?? scores;
  }
  return sums!.map((sum) => sum?.map((value) => value / factors.length));
}

async function inBatches(
  features: readonly FeatureMatrix[],
  { signal, onProgress }: ScoringOptions,
  run: (places: readonly number[], matrices: readonly FeatureMatrix[]) => Promise<void>,
): Promise<void> {
  const heard = features.flatMap(({ frames }, place) => (frames > 0 ? [place] : []));
  const lengths = heard.map((place) => features[place].frames);
  let done = features.length - heard.length;
  for (const batch of evaluationBatches(lengths, BATCH_FRAMES)) {
    signal?.throwIfAborted();
    const places = batch.map((index) => heard[index]);
    await run(
      places,
      places.map((place) => features[place]),
    );
    done += places.length;
    onProgress?.(done);
    await eventLoopTurn(); // lets signals through
  }
}
