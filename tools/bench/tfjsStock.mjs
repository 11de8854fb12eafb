/**
 * TensorFlow.js alone as a peer: its own Embedding, LSTM and Dense layers on its cpu backend, the same model and step.
 * It is slow enough that the batch is smaller, which favours it, since its cost is per operation and not per row.
 *
 *     node tools/bench/tfjsStock.mjs --hidden 128 --batch 10 --steps 50 --seconds 5
 */
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { layers, symbols } from './sizes.mjs';
import { median } from './statistics.mjs';

const { values } = parseArgs({
  options: {
    hidden: { type: 'string', default: '128' },
    batch: { type: 'string', default: '10' },
    steps: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '5' },
  },
});
const [hidden, batch, steps, seconds] = [values.hidden, values.batch, values.steps, values.seconds].map(Number);

// The banner that TensorFlow.js prints under Node is no result.
console.warn = () => {};
await tf.setBackend('cpu');

const model = tfl.sequential();
model.add(tfl.layers.embedding({ inputDim: symbols, outputDim: hidden, inputLength: steps }));
for (let layer = 0; layer < layers; layer++) {
  const lstm = { units: hidden, returnSequences: true, recurrentActivation: /** @type {const} */ ('sigmoid') };
  // The default, orthogonal, would take seconds to make and no part in the step.
  model.add(tfl.layers.lstm({ ...lstm, recurrentInitializer: 'glorotUniform' }));
}
model.add(tfl.layers.dense({ units: symbols }));

const ids = tf.randomUniform([batch, steps], 0, symbols, 'int32');
const labels = tf.oneHot(
  tf.reshape(/** @type {tf.Tensor2D} */ (tf.randomUniform([batch, steps], 0, symbols, 'int32')), [-1]),
  symbols,
);
const optimizer = tf.train.adam(2e-3);

function step() {
  tf.tidy(() => {
    const { grads } = tf.variableGrads(() => {
      const logits = /** @type {tf.Tensor} */ (model.apply(ids, { training: true }));
      const logProbabilities = tf.logSoftmax(tf.reshape(logits, [batch * steps, symbols]));
      return /** @type {tf.Scalar} */ (tf.neg(tf.div(tf.sum(tf.mul(labels, logProbabilities)), batch * steps)));
    });
    const norm = tf.sqrt(tf.addN(Object.values(grads).map((gradient) => tf.sum(tf.square(gradient)))));
    const scale = tf.minimum(1, tf.div(1, norm));
    optimizer.applyGradients(
      Object.fromEntries(Object.entries(grads).map(([name, gradient]) => [name, tf.mul(gradient, scale)])),
    );
  });
}

step();
const times = [];
const started = performance.now();
while (performance.now() - started < 1000 * seconds || times.length < 2) {
  const before = performance.now();
  step();
  times.push((performance.now() - before) / 1000);
}
console.log(JSON.stringify({ version: tf.version_core, tokens_per_second: (batch * steps) / median(times), batch }));
