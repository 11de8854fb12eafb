// Core alone, in a project of its own: nothing here but @cadenza/core and the TensorFlow.js packages it depends on.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { GRU, Random, RecurrentLanguageModel } from '@cadenza/core';

await tf.setBackend('cpu');
const x = tf.randomNormal([32, 8, 2], 0, 1, 'float32', 1);
const y = tf.reshape(tf.sum(x, [1, 2]), [32, 1]);
const model = tfl.sequential({
  layers: [new GRU({ units: 8, inputShape: [8, 2], seed: 1 }), tfl.layers.dense({ units: 1 })],
});
model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
const { history } = await model.fit(x, y, { epochs: 10, verbose: 0 });

const language = new RecurrentLanguageModel({ vocabularySize: 5, hiddenSize: 4 }, new Random(1));
// What a browser would import is the same code, without the parts that need files.
const browser = await import('@cadenza/core/browser');

const { logits } = language.step(tf.tensor1d([0], 'int32'), language.initialState(1));

console.log(
  JSON.stringify({
    core: import.meta.resolve('@cadenza/core'),
    first: history.loss[0],
    last: history.loss.at(-1),
    logits: logits.shape,
    browser: browser.GRU === GRU && !('Trainer' in browser),
  }),
);
