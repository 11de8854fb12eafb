import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { LSTM } from '@cadenza/core';

// Which of two sequences has the larger sum? 64 sequences of 10 steps, read by an LSTM inside an ordinary tf.sequential.
const x = tf.randomNormal([64, 10, 2], 0, 1, 'float32', 1);
const sums = tf.sum(x, 1); // [64, 2]
const y = tf.cast(tf.greater(tf.slice(sums, [0, 0], [64, 1]), tf.slice(sums, [0, 1], [64, 1])), 'float32');

const model = tfl.sequential({
  layers: [
    new LSTM({ units: 16, inputShape: [10, 2], recurrentDropout: 0.1, seed: 1 }),
    tfl.layers.dense({ units: 1, activation: 'sigmoid' }),
  ],
});
model.compile({ optimizer: tf.train.adam(0.02), loss: 'binaryCrossentropy' });
const { history } = await model.fit(x, y, { epochs: 20, verbose: 0 });

console.log(`loss ${Number(history.loss[0]).toFixed(2)} -> ${Number(history.loss.at(-1)).toFixed(2)}`);
export const losses = history.loss as number[];
