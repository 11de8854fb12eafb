import * as tf from '@tensorflow/tfjs-core';
import { compileSteps, Random, RecurrentLanguageModel, streamTokens } from '@cadenza/core';

// The line of the example above, learnt by heart and then written with int8 weights, packed once.
const line = 'she sells sea shells by the sea. ';
const alphabet = [...new Set(line)];
const ids = [...line].map((character) => alphabet.indexOf(character));
const model = new RecurrentLanguageModel({ vocabularySize: alphabet.length, hiddenSize: 32, layers: 1 }, new Random(1));
const input = tf.tensor2d([ids], undefined, 'int32'); // [1, T]
const target = tf.tensor2d([[...ids.slice(1), ids[0]]], undefined, 'int32');
const optimizer = tf.train.adam(0.03);
for (let step = 0; step < 80; step++) {
  optimizer.minimize(() => model.loss(input, target, model.initialState(1)).loss, false, [
    ...model.parameters.values(),
  ]);
}

const steps = compileSteps(model, 'int8'); // the backend's own steps, or plain ones: steps.way says which
const session = steps.session(1);
const options = { prompt: [ids[0]], maximumTokens: line.length - 1, temperature: 0.1, random: new Random(1) };
export let streamed = line[0];
for await (const { token } of streamTokens(session, options)) streamed += alphabet[token];
session.dispose();
steps.dispose();
console.log(streamed);
