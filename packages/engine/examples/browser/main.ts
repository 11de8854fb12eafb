/// <reference lib="dom" />
// Trains a small character model on this page with Cadenza's kernels in WebAssembly: `npx vite packages/engine/examples/browser`.
import * as tf from '@tensorflow/tfjs-core';
import { Random, RecurrentLanguageModel, clipFactor, createOptimizer, globalNorm } from '@cadenza/core/browser';
import { registerWasmBackend } from '@cadenza/engine/browser';

const text = 'she sells sea shells by the sea shore, and the shells she sells are sea shells, she is sure. ';
const alphabet = [...new Set(text)];
const ids = [...text].map((character) => alphabet.indexOf(character));
const steps = 150;

function show(id: string, value: string): void {
  document.getElementById(id)!.textContent = value;
}

await registerWasmBackend();

const model = new RecurrentLanguageModel(
  { cell: 'lstm', vocabularySize: alphabet.length, embeddingSize: 32, hiddenSize: 64, layers: 2 },
  new Random(1),
);
const optimizer = createOptimizer({ name: 'adam' });
const names = new Map(Array.from(model.parameters, ([name, variable]) => [variable.name, name]));

/** One update; returns the loss in nats per character. */
function train(): number {
  return tf.tidy(() => {
    const [input, target] = [ids.slice(0, -1), ids.slice(1)].map((part) => tf.tensor2d([part], undefined, 'int32'));
    const { value, grads } = tf.variableGrads(
      () => model.loss(input, target, model.initialState(1), { training: true }).loss,
      [...model.parameters.values()],
    );
    const gradients = new Map(Object.entries(grads).map(([name, gradient]) => [names.get(name)!, gradient]));
    const gradientScale = clipFactor(globalNorm([...gradients.values()]), 1);
    optimizer.apply(model.parameters, gradients, { learningRate: 0.01, gradientScale });
    return value.dataSync()[0];
  });
}

/** What the model takes for the likeliest text after its first character. */
function write(length: number): string {
  let written = text[0];
  tf.tidy(() => {
    let state = model.initialState(1);
    let id = ids[0];
    while (written.length < length) {
      const next = model.step(tf.tensor1d([id], 'int32'), state);
      state = next.state;
      id = tf.argMax(next.logits, 1).dataSync()[0];
      written += alphabet[id];
    }
  });
  return written;
}

const losses: number[] = [];
const before = tf.memory().numTensors;
for (let step = 1; step <= steps; step++) {
  losses.push(train());
  if (step % 10 > 0) continue;
  show('state', `step ${step} of ${steps}: ${losses.at(-1)!.toFixed(3)} nats per character`);
  show('written', write(text.length));
  // The page is drawn, and stays alive.
  await new Promise((resolve) => setTimeout(resolve));
}

/** For whoever watches the page. */
export const result = {
  backend: tf.getBackend(),
  text,
  written: write(text.length),
  losses,
  leaked: tf.memory().numTensors - before,
};
Object.assign(globalThis, { cadenzaResult: result });
dispatchEvent(new CustomEvent('cadenza-trained', { detail: result }));
