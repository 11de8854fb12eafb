import type { BatchSource, LossFunction, Random, RecurrentLanguageModel } from '@cadenza/core';
import { TokenStreams, type StreamBatch } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import type { Config } from './config.js';

/** What the trainer reads: the parallel streams of the training part, from a new random offset in each epoch. */
export interface TrainingSource extends BatchSource<StreamBatch> {
  readonly epoch: number;
  readonly batchesPerEpoch: number;
}

export function trainingSource(train: Int32Array, { training }: Config, random: Random): TrainingSource {
  const { batchSize: rows, sequenceLength: steps } = training;
  return new TokenStreams(train, { rows, steps, random });
}

/**
 * The loss of one batch of streams, whose states are carried from batch to batch (truncated backpropagation through
 * time). At the beginning of an epoch, and of each stream with a small probability at every batch, the state is set to
 * zero, so that the model also learns to begin.
 */
export function trainingLoss(model: RecurrentLanguageModel, { training }: Config): LossFunction<StreamBatch> {
  return (batch, carry, { random }) => {
    const { rows, steps } = batch;
    const kept = Float32Array.from({ length: rows }, () => (random.next() < training.resetProbability ? 0 : 1));
    if (batch.first) kept.fill(0);
    const state = kept.includes(0) ? carry.map((tensor) => tf.mul(tensor, tf.tensor2d(kept, [rows, 1]))) : carry;
    const inputs = tf.tensor2d(batch.inputs, [rows, steps], 'int32');
    const targets = tf.tensor2d(batch.targets, [rows, steps], 'int32');
    const { loss, state: next } = model.loss(inputs, targets, state, { training: true, random });
    return { loss, carry: next };
  };
}
