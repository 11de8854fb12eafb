/**
 * What speech recognition is measured with, for us and the peers alike: an acoustic model with batches of drawn recordings to train
 * it on, and logits to align labels with. Written to a folder as `task.json`, `features.f32` and `logits.f32`, beside the weights that
 * all start from (`oursSpeech.mjs export`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawBetween, drawNormal, linearCongruential } from './draws.mjs';
import { bytesOf, floatsOf } from './floatFiles.mjs';

/**
 * The model of the speech application's AN4 preset, but for the weights it drops, which PyTorch's layers do not: 13 cepstra and their
 * differences, three frames side by side; AN4's characters.
 */
export const model = {
  featureSize: 13 * 2 * 3,
  classes: 28,
  hiddenSize: 160,
  layers: 3,
  bidirectional: true,
  dropout: { input: 0.1, between: 0.3, output: 0.3 },
};

/** How the preset trains it. */
const training = { clipNorm: 5, learningRate: 2e-3, weightDecay: 0.01 };

/** Recordings a batch; batches of a pool, sorted by length as in training; batches that are measured, from all of its lengths. */
const sizes = { recordings: 16, pool: 32, measured: 4 };

/** How AN4's recordings are spread: frames that the network reads, of 30 ms, and characters for each of them. */
export const spread = {
  levels: [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1],
  frames: [23, 30, 60, 83, 113, 160, 213],
  labelsPerFrame: [0.04, 0.09, 0.14, 0.2, 0.29, 0.39, 0.57],
};

/** The loss alone: frames of 10 ms, longer labels. */
const alignment = { recordings: 16, symbols: 29, frames: [150, 400], labels: [10, 60] };

/**
 * Recordings without their values: how many frames each has, and its labels.
 *
 * @typedef {{ frames: number[], labels: number[][] }} Recordings
 * @typedef {ReturnType<typeof speechTask>} Task
 */

/** The same recordings every time. */
export function speechTask({ seed = 1, config = model } = {}) {
  const random = linearCongruential(seed);
  const pool = Array.from({ length: sizes.recordings * sizes.pool }, () => {
    const frames = Math.round(drawBetween(random, spread.levels, spread.frames));
    const labels = Math.max(1, Math.round(frames * drawBetween(random, spread.levels, spread.labelsPerFrame)));
    return { frames, labels: drawLabels(random, labels, config.classes) };
  });
  // The longest first, as the application has them in a batch.
  pool.sort((a, b) => b.frames - a.frames);
  const batches = Array.from({ length: sizes.measured }, (_, index) => {
    const place = Math.floor(((index + 0.5) * sizes.pool) / sizes.measured);
    return recordingsOf(pool.slice(place * sizes.recordings, (place + 1) * sizes.recordings));
  });
  const aligned = Array.from({ length: alignment.recordings }, () => {
    const [frames, labels] = [alignment.frames, alignment.labels].map((range) => drawInteger(random, range));
    return { frames, labels: drawLabels(random, labels, alignment.symbols) };
  });
  return {
    ...{ seed, model: config, training, batches },
    alignment: { symbols: alignment.symbols, ...recordingsOf(aligned) },
  };
}

/** Any of the classes but the blank, which is 0. @param {() => number} random @param {number} count @param {number} classes */
function drawLabels(random, count, classes) {
  return Array.from({ length: count }, () => 1 + Math.floor(random() * (classes - 1)));
}

/** @param {() => number} random @param {number[]} range its ends, both included */
function drawInteger(random, [least, most]) {
  return least + Math.floor(random() * (most + 1 - least));
}

/** @param {{ frames: number, labels: number[] }[]} rows @returns {Recordings} */
function recordingsOf(rows) {
  return { frames: rows.map(({ frames }) => frames), labels: rows.map(({ labels }) => labels) };
}

/** Frames of batches, padding not among them. @param {readonly Recordings[]} batches */
export function framesOf(batches) {
  return batches.reduce((sum, { frames }) => frames.reduce((all, count) => all + count, sum), 0);
}

/**
 * Floating-point operations of training on one frame, counted as for the language model: two for each multiplication and addition of
 * the products (input and recurrent of both directions of the layers, and output), once forward and twice backward.
 *
 * @param {Pick<typeof model, 'featureSize' | 'classes' | 'hiddenSize' | 'layers'>} model
 */
export function speechFlopsPerFrame({ featureSize: D, classes: V, hiddenSize: H, layers }) {
  const lowest = 2 * 4 * H * (D + H);
  const others = (layers - 1) * 2 * 4 * H * (2 * H + H);
  return 3 * 2 * (lowest + others + 2 * H * V);
}

const fileOf = { task: 'task.json', features: 'features.f32', logits: 'logits.f32' };

/** Writes the task, and draws its features and logits: those of each recording after one another. @param {string} folder @param {Task} task */
export function writeSpeechTask(folder, task) {
  const { seed, model, batches, alignment } = task;
  const random = linearCongruential(seed + 1);
  writeFileSync(join(folder, fileOf.task), JSON.stringify(task));
  writeFileSync(join(folder, fileOf.features), bytesOf(drawNormal(random, framesOf(batches) * model.featureSize)));
  writeFileSync(join(folder, fileOf.logits), bytesOf(drawNormal(random, framesOf([alignment]) * alignment.symbols)));
}

/** The task of a folder, and the values of its recordings in their order. @param {string} folder */
export function readSpeechTask(folder) {
  const task = /** @type {Task} */ (JSON.parse(readFileSync(join(folder, fileOf.task), 'utf8')));
  const [features, logits] = [fileOf.features, fileOf.logits].map((file) => floatsOf(readFileSync(join(folder, file))));
  return { task, features, logits };
}
