/**
 * TensorFlow.js alone as a peer: its own Embedding, LSTM and Dense layers on one of its own backends; runner.mjs says how it is
 * asked. Training is the same model and step as ours with a smaller batch, which favours it, since its cost is per operation and
 * not per row.
 *
 *     node tools/bench/tfjsStock.mjs train --hidden 128 --batch 10 --steps 50 --backend cpu
 *     node tools/bench/tfjsStock.mjs generate --hidden 128 --backend wasm
 */
import { parseArgs } from 'node:util';
import { selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { serve } from './runner.mjs';
import { layers, symbols } from './sizes.mjs';
import { draw, median, timesOf } from './statistics.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hidden: { type: 'string', default: '128' },
    batch: { type: 'string', default: '10' },
    steps: { type: 'string', default: '50' },
    backend: { type: 'string', default: 'cpu' },
  },
});
const [hidden, batch, steps] = [values.hidden, values.batch, values.steps].map(Number);

/** @param {number} rows @param {number} length @param {boolean} stateful */
function newModel(rows, length, stateful) {
  const model = tfl.sequential();
  const batchInputShape = [rows, length];
  model.add(tfl.layers.embedding({ inputDim: symbols, outputDim: hidden, batchInputShape }));
  for (let layer = 0; layer < layers; layer++) {
    const lstm = {
      units: hidden,
      returnSequences: true,
      recurrentActivation: /** @type {const} */ ('sigmoid'),
      stateful,
    };
    // The default, orthogonal, would take seconds to make and no part in the step.
    model.add(tfl.layers.lstm({ ...lstm, recurrentInitializer: 'glorotUniform' }));
  }
  model.add(tfl.layers.dense({ units: symbols }));
  return model;
}

function train() {
  const model = newModel(batch, steps, false);
  const random = () => tf.randomUniform([batch, steps], 0, symbols, 'int32');
  const ids = random();
  const labels = tf.oneHot(tf.reshape(/** @type {tf.Tensor2D} */ (random()), [-1]), symbols);
  const optimizer = tf.train.adam(2e-3);
  const step = () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const logits = /** @type {tf.Tensor} */ (model.apply(ids, { training: true }));
        const logProbabilities = tf.logSoftmax(tf.reshape(logits, [batch * steps, symbols]));
        return /** @type {tf.Scalar} */ (tf.neg(tf.div(tf.sum(tf.mul(labels, logProbabilities)), batch * steps)));
      });
      const norm = tf.sqrt(tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)))));
      const scale = tf.minimum(1, tf.div(1, norm));
      optimizer.applyGradients(
        Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, scale)])),
      );
      value.dataSync();
    });
  step();
  return (/** @type {number} */ seconds) => ({
    tokens_per_second: (batch * steps) / median(timesOf(step, seconds, { warmUp: 0, atLeast: 1 })),
  });
}

function generate() {
  const model = newModel(1, 1, true);
  let token = 0;
  const step = () =>
    tf.tidy(() => {
      const logits = /** @type {tf.Tensor} */ (model.predict(tf.tensor2d([token], [1, 1])));
      token = draw(logits.dataSync());
    });
  step();
  return (/** @type {number} */ seconds) => ({ characters_per_second: 1 / median(timesOf(step, seconds)) });
}

// The banner that TensorFlow.js prints under Node is no result.
console.warn = () => {};
await selectBackend(/** @type {'cpu'} */ (values.backend));
const what = /** @type {'train' | 'generate'} */ (positionals[0]);
const measure = { train, generate }[what]();
await serve({ version: tf.version_core, ...(what === 'train' ? { batch } : {}) }, measure);
