import * as tf from '@tensorflow/tfjs-core';
import { Random, RecurrentLanguageModel } from '@cadenza/core';

// A character model of one line, read as a circle: 32 characters in, each asked for the next.
const text = 'she sells sea shells by the sea. ';
const alphabet = [...new Set(text)];
const ids = [...text].map((character) => alphabet.indexOf(character));
const input = tf.tensor2d([ids.slice(0, -1)], undefined, 'int32'); // [1, T]
const target = tf.tensor2d([ids.slice(1)], undefined, 'int32');

const model = new RecurrentLanguageModel(
  { cell: 'lstm', vocabularySize: alphabet.length, embeddingSize: 8, hiddenSize: 32, layers: 1 },
  new Random(1),
);
const optimizer = tf.train.adam(0.02);
const variables = [...model.parameters.values()];
const start = model.initialState(1);
for (let step = 0; step < 80; step++) {
  optimizer.minimize(() => model.loss(input, target, start, { training: true }).loss, false, variables);
}

let { logits, state } = model.step(tf.tensor1d([ids[0]], 'int32'), start);
export let written = text[0];
while (written.length < text.length) {
  const next = tf.argMax(logits, 1).dataSync()[0];
  written += alphabet[next];
  ({ logits, state } = model.step(tf.tensor1d([next], 'int32'), state));
}
console.log(written);
