/**
 * One measurement of Cadenza, in a process of its own; prints one JSON object as its last line.
 *
 *     node tools/bench/ours.mjs train --hidden 256 --batch 64 --steps 64 --seconds 3
 *     node tools/bench/ours.mjs generate --hidden 512 --seconds 3
 *     node tools/bench/ours.mjs gemm --size 1024x1024x1024 --seconds 2
 */
import { parseArgs } from 'node:util';
import { Random, RecurrentLanguageModel, Trainer, sampleSequence } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { median, timesOf } from './statistics.mjs';
import { layers, symbols } from './sizes.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hidden: { type: 'string', default: '128' },
    batch: { type: 'string', default: '50' },
    steps: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '3' },
    size: { type: 'string', default: '1024x1024x1024' },
    backend: { type: 'string', default: 'auto' },
    threads: { type: 'string' },
    precision: { type: 'string', default: 'f32' },
  },
});
const [hidden, batch, steps, seconds] = [values.hidden, values.batch, values.steps, values.seconds].map(Number);

/** A training as users run it: core's trainer, the state carried from batch to batch, nothing written. */
async function train() {
  const random = new Random(1);
  const model = new RecurrentLanguageModel(
    { vocabularySize: symbols, embeddingSize: hidden, hiddenSize: hidden, layers },
    random,
  );
  const ids = Int32Array.from({ length: batch * steps }, () => random.integer(symbols));
  const targets = Int32Array.from(ids, () => random.integer(symbols));
  const initialCarry = model.initialState(batch);
  /** @type {number[]} */
  const times = [];
  let last = performance.now();
  const enough = new AbortController();
  const started = last;
  const trainer = new Trainer({
    parameters: model.parameters,
    loss: (_, carry, { random }) => {
      const shape = /** @type {[number, number]} */ ([batch, steps]);
      const labels = tf.tensor2d(targets, shape, 'int32');
      const { loss, state } = model.loss(tf.tensor2d(ids, shape, 'int32'), labels, carry, { training: true, random });
      return { loss, carry: state };
    },
    source: { next: () => ids, state: () => null, restore: () => {} },
    initialCarry,
    random: new Random(2),
    optimizer: { name: 'adam' },
    schedule: { name: 'constant', learningRate: 2e-3 },
    clip: { norm: 1 },
    signal: enough.signal,
    hooks: {
      onStep: ({ step }) => {
        const now = performance.now();
        // The first two steps warm up.
        if (step > 2) times.push((now - last) / 1000);
        last = now;
        if (now - started > 1000 * seconds && times.length >= 3) enough.abort();
      },
    },
  });
  await trainer.train();
  trainer.dispose();
  return { tokens_per_second: (batch * steps) / median(times) };
}

/** Text written one symbol at a time through core's sampler. */
async function generate() {
  const random = new Random(1);
  const model = new RecurrentLanguageModel(
    { vocabularySize: symbols, embeddingSize: hidden, hiddenSize: hidden, layers },
    random,
  );
  const block = 64;
  /** @type {number[]} */
  const times = [];
  const started = performance.now();
  let last = started;
  let count = 0;
  const characters = sampleSequence(
    (tokens, /** @type {tf.Tensor[]} */ state) => tf.tidy(() => model.step(tf.tensor1d(tokens, 'int32'), state)),
    {
      prompt: [0],
      state: model.initialState(1),
      maximumTokens: Number.MAX_SAFE_INTEGER,
      random,
      disposeState: (state) => void tf.dispose(state),
    },
  );
  for await (const _ of characters) {
    if (++count % block !== 0) continue;
    const now = performance.now();
    if (count > block) times.push((now - last) / 1000 / block);
    last = now;
    if (now - started > 1000 * seconds && times.length >= 5) break;
  }
  return { characters_per_second: 1 / median(times) };
}

/** One float32 product m x k by k x n. */
function gemm() {
  const [m, k, n] = values.size.split('x').map(Number);
  const [left, right] = [tf.randomUniform([m, k]), tf.randomUniform([k, n])];
  const times = timesOf(() => {
    const product = tf.matMul(left, right);
    product.dataSync();
    product.dispose();
  }, seconds);
  return { gflops: (2 * m * k * n) / median(times) / 1e9 };
}

const what = /** @type {'train' | 'generate' | 'gemm'} */ (positionals[0]);
const chosen = await selectBackend(/** @type {'auto'} */ (values.backend), {
  threads: values.threads === undefined ? undefined : Number(values.threads),
  precision: /** @type {'f32'} */ (values.precision),
});
const result = await { train, generate, gemm }[what]();
const { name: backend, threads, precision, reason } = chosen;
console.log(JSON.stringify({ ...result, backend, threads, precision, reason }));
