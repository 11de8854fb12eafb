/**
 * Cadenza's translation, in a process of its own (runner.mjs says how it is asked); FOLDER holds a task (translationTask.mjs):
 *
 *     node tools/bench/oursTranslation.mjs export --folder FOLDER                 writes the weights all start from
 *     node tools/bench/oursTranslation.mjs train --folder FOLDER --precision bf16
 *     node tools/bench/oursTranslation.mjs beam --folder FOLDER
 *     node tools/bench/oursTranslation.mjs greedy --folder FOLDER
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random, SequenceSearch, SequenceToSequence, Trainer, beamSearch, greedySearch } from '@cadenza/core';
import { activeNativeBackend, selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { serve } from './runner.mjs';
import { targetTokens } from './translationTask.mjs';

/**
 * @typedef {import('./translationTask.mjs').Task} Task
 * @typedef {import('./translationTask.mjs').PairRows} PairRows
 */

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: '.' },
    backend: { type: 'string', default: 'auto' },
    threads: { type: 'string' },
    precision: { type: 'string', default: 'f32' },
  },
});
const files = { task: 'task.json', names: 'weights.json', values: 'weights.f32' };
const pathOf = (/** @type {keyof typeof files} */ file) => join(values.folder, files[file]);
const {
  model: config,
  training,
  search,
  tokens,
  batches,
} = /** @type {Task} */ (JSON.parse(readFileSync(pathOf('task'), 'utf8')));

function newModel() {
  return new SequenceToSequence(
    /** @type {import('@cadenza/core').SequenceToSequenceOptions} */ (config),
    new Random(1),
  );
}

/** The weights as float32 after one another, and their names and shapes in the same order. */
function exportWeights() {
  const parameters = [...newModel().parameters];
  writeFileSync(pathOf('names'), JSON.stringify(parameters.map(([name, { shape }]) => ({ name, shape }))));
  writeFileSync(
    pathOf('values'),
    Buffer.concat(
      parameters.map(([, variable]) => {
        const data = /** @type {Float32Array} */ (variable.dataSync());
        return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      }),
    ),
  );
}

/** A model of the exported weights. */
function loadedModel() {
  const model = newModel();
  const bytes = readFileSync(pathOf('values'));
  let offset = 0;
  for (const variable of model.parameters.values()) {
    const data = new Float32Array(variable.size);
    bytes.copy(Buffer.from(data.buffer), 0, offset, (offset += data.byteLength));
    tf.tidy(() => variable.assign(tf.tensor(data, variable.shape)));
  }
  return model;
}

/** Rows padded to the longest, and their lengths. @param {readonly number[][]} rows @param {number} filler */
function padded(rows, filler) {
  const width = Math.max(...rows.map(({ length }) => length));
  const ids = rows.flatMap((row) => [...row, .../** @type {number[]} */ (Array(width - row.length).fill(filler))]);
  return {
    ids: tf.tensor2d(Int32Array.from(ids), [rows.length, width], 'int32'),
    lengths: tf.tensor1d(
      rows.map(({ length }) => length),
      'int32',
    ),
  };
}

/** @param {PairRows} pairs */
function sourceTensors({ source }) {
  const { ids, lengths } = padded(source, 0);
  return { source: ids, sourceLengths: lengths };
}

/** @param {PairRows} pairs */
function pairTensors(pairs) {
  const { ids, lengths } = padded(pairs.target, -1);
  const { ids: inputs } = padded(
    pairs.target.map((row) => [tokens.start, ...row.slice(0, -1)]),
    0,
  );
  return { ...sourceTensors(pairs), inputs, targets: ids, targetLengths: lengths };
}

/** A training as the application runs it: whole passes over the batches, after one step to warm up. */
function train() {
  const model = loadedModel();
  const { labelSmoothing, clipNorm, learningRate } = training;
  about.loss = tf.tidy(() => model.loss(pairTensors(batches[0]), { labelSmoothing }).loss.dataSync()[0]);
  return async (/** @type {number} */ seconds) => {
    let [started, elapsed, passes, drawn] = [0, 0, 0, 0];
    const enough = new AbortController();
    const trainer = new Trainer({
      parameters: model.parameters,
      loss: (/** @type {PairRows} */ pairs, _, { random }) => ({
        loss: model.loss(pairTensors(pairs), { training: true, random, labelSmoothing }).loss,
      }),
      // The first step is no part of a pass: after the others' turns the caches hold nothing of ours.
      source: { next: () => batches.at(drawn++ % batches.length) ?? null, state: () => null, restore: () => {} },
      random: new Random(2),
      optimizer: { name: 'adam' },
      schedule: { name: 'constant', learningRate },
      clip: { norm: clipNorm },
      signal: enough.signal,
      hooks: {
        onStep: ({ step }) => {
          if (step === 1) started = performance.now();
          if (step === 1 || (step - 1) % batches.length !== 0) return;
          passes++;
          elapsed = (performance.now() - started) / 1000;
          if (elapsed > seconds) enough.abort();
        },
      },
    });
    await trainer.train();
    trainer.dispose();
    return { tokens_per_second: (passes * targetTokens(batches)) / elapsed };
  };
}

/**
 * Translates a batch, and gives the target tokens of each sentence.
 *
 * @param {SequenceToSequence} model @param {PairRows} pairs @param {number} beamSize
 */
async function translate(model, pairs, beamSize) {
  const batch = sourceTensors(pairs);
  const start = model.start(batch);
  // The end token is the last of the steps.
  const length = search.steps - 1;
  const options = {
    sentences: pairs.source.length,
    startToken: tokens.start,
    endToken: tokens.end,
    minLength: length,
    maxLength: length,
    bannedTokens: tokens.banned,
    lengthPenalty: /** @type {const} */ ({ kind: 'gnmt', alpha: search.lengthPenalty }),
  };
  try {
    const searched = new SequenceSearch(model);
    if (beamSize === 1) return (await greedySearch(searched, start, options)).map((found) => found.tokens);
    return (await beamSearch(searched, start, { ...options, beamSize })).map(([best]) => best.tokens);
  } finally {
    model.disposeStart(start);
    tf.dispose([batch.source, batch.sourceLengths]);
  }
}

/** Whole passes over the batches, after one batch to warm up. @param {number} beamSize */
async function searcher(beamSize) {
  const model = loadedModel();
  about.translations = await translate(model, batches[0], beamSize);
  return async (/** @type {number} */ seconds) => {
    await translate(model, batches[0], beamSize);
    let sentences = 0;
    const started = performance.now();
    do {
      for (const batch of batches) sentences += (await translate(model, batch, beamSize)).length;
    } while (performance.now() - started < 1000 * seconds);
    return { sentences_per_second: (1000 * sentences) / (performance.now() - started) };
  };
}

const what = /** @type {'export' | 'train' | 'beam' | 'greedy'} */ (positionals[0]);
const { name, threads, precision, reason } = await selectBackend(/** @type {'auto'} */ (values.backend), {
  threads: values.threads === undefined ? undefined : Number(values.threads),
  precision: /** @type {'f32'} */ (values.precision),
});
/** @type {Record<string, unknown>} */
const about = { backend: name, threads, precision, reason };
if (precision !== values.precision) about.unsupported = reason;
about.isa = activeNativeBackend()?.addon.isa();
if (what === 'export') {
  exportWeights();
  await serve(about, () => ({}));
} else {
  const ways = { train, beam: () => searcher(search.beamSize), greedy: () => searcher(1) };
  await serve(about, await ways[what]());
}
