/**
 * Cadenza's translation, in a process of its own (runner.mjs says how it is asked); FOLDER holds a task (translationTask.mjs):
 *
 *     node tools/bench/oursTranslation.mjs export --folder FOLDER                 writes the weights all start from
 *     node tools/bench/oursTranslation.mjs train --folder FOLDER --precision bf16
 *     node tools/bench/oursTranslation.mjs beam --folder FOLDER
 *     node tools/bench/oursTranslation.mjs greedy --folder FOLDER
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random, SequenceSearch, SequenceToSequence, beamSearch, greedySearch } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { chooseBackend, folderOptions, passesOf } from './oursTraining.mjs';
import { serve } from './runner.mjs';
import { targetTokens } from './translationTask.mjs';
import { exportWeights, importWeights } from './weightFiles.mjs';

/**
 * @typedef {import('./translationTask.mjs').Task} Task
 * @typedef {import('./translationTask.mjs').PairRows} PairRows
 */

const { values, positionals } = parseArgs({ allowPositionals: true, options: folderOptions });
const {
  model: config,
  training,
  search,
  tokens,
  batches,
} = /** @type {Task} */ (JSON.parse(readFileSync(join(values.folder, 'task.json'), 'utf8')));

function newModel() {
  return new SequenceToSequence(
    /** @type {import('@cadenza/core').SequenceToSequenceOptions} */ (config),
    new Random(1),
  );
}

/** A model of the exported weights. */
function loadedModel() {
  const model = newModel();
  importWeights(values.folder, model.parameters);
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

function train() {
  const model = loadedModel();
  const { labelSmoothing, ...rates } = training;
  about.loss = tf.tidy(() => model.loss(pairTensors(batches[0]), { labelSmoothing }).loss.dataSync()[0]);
  const passes = passesOf({
    ...{ parameters: model.parameters, batches, ...rates },
    loss: (pairs, _, { random }) => ({
      loss: model.loss(pairTensors(pairs), { training: true, random, labelSmoothing }).loss,
    }),
    optimizer: { name: 'adam' },
  });
  return async (/** @type {number} */ seconds) => ({
    tokens_per_second: targetTokens(batches) * (await passes(seconds)),
  });
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

const about = await chooseBackend(values);
const what = /** @type {'export' | 'train' | 'beam' | 'greedy'} */ (positionals[0]);
if (what === 'export') exportWeights(values.folder, newModel().parameters);
const ways = {
  export: () => () => ({}),
  ...{ train, beam: () => searcher(search.beamSize), greedy: () => searcher(1) },
};
await serve(about, await ways[what]());
