/**
 * Cadenza's acoustic model and its loss, in a process of its own (runner.mjs says how it is asked); FOLDER holds a task
 * (speechTask.mjs):
 *
 *     node tools/bench/oursSpeech.mjs export --folder FOLDER                  writes the weights all start from
 *     node tools/bench/oursSpeech.mjs train --folder FOLDER --precision bf16
 *     node tools/bench/oursSpeech.mjs ctc --folder FOLDER
 */
import { parseArgs } from 'node:util';
import { AcousticModel, Random, ctcLoss } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { chooseBackend, folderOptions, passesOf } from './oursTraining.mjs';
import { serve } from './runner.mjs';
import { framesOf, readSpeechTask } from './speechTask.mjs';
import { median, timesOf } from './statistics.mjs';
import { exportWeights, importWeights } from './weightFiles.mjs';

/** @typedef {import('./speechTask.mjs').Recordings} Recordings */
/** @typedef {Recordings & { values: Float32Array }} Sounds with their features, or logits, row after row */

const { values, positionals } = parseArgs({ allowPositionals: true, options: folderOptions });
const { task, features, logits } = readSpeechTask(values.folder);

function newModel() {
  return new AcousticModel(task.model, new Random(1));
}

/**
 * Values [B, F, D] of rows that follow one another, padded with zeros.
 *
 * @param {Sounds} sounds @param {number} dimension
 */
function padded({ frames, values }, dimension) {
  const longest = Math.max(...frames);
  const all = new Float32Array(frames.length * longest * dimension);
  let offset = 0;
  frames.forEach((count, row) => {
    all.set(values.subarray(offset, (offset += count * dimension)), row * longest * dimension);
  });
  return tf.tensor3d(all, [frames.length, longest, dimension]);
}

/** @param {Recordings} recordings */
function labelTensors({ frames, labels }) {
  const longest = Math.max(...labels.map(({ length }) => length));
  const ids = labels.flatMap((row) => [...row, .../** @type {number[]} */ (Array(longest - row.length).fill(-1))]);
  const lengths = labels.map(({ length }) => length);
  return {
    frameLengths: tf.tensor1d(frames, 'int32'),
    labels: tf.tensor2d(ids, [labels.length, longest], 'int32'),
    labelLengths: tf.tensor1d(lengths, 'int32'),
  };
}

/** @param {Sounds} sounds */
function batchTensors(sounds) {
  return { features: padded(sounds, task.model.featureSize), ...labelTensors(sounds) };
}

/** The batches with their features. @returns {Sounds[]} */
function sounds() {
  let offset = 0;
  return task.batches.map((batch) => {
    const size = framesOf([batch]) * task.model.featureSize;
    return { ...batch, values: features.subarray(offset, (offset += size)) };
  });
}

function train() {
  const model = newModel();
  importWeights(values.folder, model.parameters);
  const { clipNorm, learningRate, weightDecay } = task.training;
  const batches = sounds();
  about.loss = tf.tidy(() => model.ctcLoss(batchTensors(batches[0])).loss.dataSync()[0]);
  const passes = passesOf({
    ...{ parameters: model.parameters, batches, clipNorm, learningRate },
    loss: (batch, _, { random }) => ({ loss: model.ctcLoss(batchTensors(batch), { training: true, random }).loss }),
    optimizer: { name: 'adamw', weightDecay },
  });
  return async (/** @type {number} */ seconds) => ({
    frames_per_second: framesOf(batches) * (await passes(seconds)),
  });
}

/** The losses of the rows and the gradients of their sum, alone. */
function ctc() {
  const { alignment } = task;
  const inputs = padded({ ...alignment, values: logits }, alignment.symbols);
  const { frameLengths, labels, labelLengths } = labelTensors(alignment);
  const lossOf = (/** @type {tf.Tensor} */ x) => ctcLoss(x, labels, frameLengths, labelLengths, { zeroInfinity: true });
  about.losses = tf.tidy(() => [...lossOf(inputs).dataSync()]);
  const gradientOf = tf.grad((x) => tf.sum(lossOf(x)));
  about.gradients = tf.tidy(() => [...tf.sum(tf.abs(gradientOf(inputs)), [1, 2]).dataSync()]);
  const work = () => tf.tidy(() => void gradientOf(inputs).dataSync());
  return (/** @type {number} */ seconds) => ({
    losses_per_second: alignment.frames.length / median(timesOf(work, seconds)),
  });
}

const about = await chooseBackend(values);
const what = /** @type {'export' | 'train' | 'ctc'} */ (positionals[0]);
if (what === 'export') exportWeights(values.folder, newModel().parameters);
await serve(about, { export: () => () => ({}), train, ctc }[what]());
