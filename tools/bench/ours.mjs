/**
 * Cadenza's measurements, in a process of its own (runner.mjs says how it is asked):
 *
 *     node tools/bench/ours.mjs train --hidden 256 --batch 64 --steps 64 --precision bf16
 *     node tools/bench/ours.mjs generate --hidden 512 --weights int8
 *     node tools/bench/ours.mjs gemm --size 1024x1024x1024
 */
import { parseArgs } from 'node:util';
import { Random, RecurrentLanguageModel, Trainer, compileSteps, streamTokens } from '@cadenza/core';
import { activeNativeBackend, selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { serve } from './runner.mjs';
import { layers, symbols } from './sizes.mjs';
import { median, timesOf } from './statistics.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hidden: { type: 'string', default: '128' },
    batch: { type: 'string', default: '50' },
    steps: { type: 'string', default: '50' },
    size: { type: 'string', default: '1024x1024x1024' },
    backend: { type: 'string', default: 'auto' },
    threads: { type: 'string' },
    precision: { type: 'string', default: 'f32' },
    weights: { type: 'string', default: 'f32' },
    isa: { type: 'string' },
  },
});
const [hidden, batch, steps] = [values.hidden, values.batch, values.steps].map(Number);

function newModel() {
  const sizes = { vocabularySize: symbols, embeddingSize: hidden, hiddenSize: hidden, layers };
  return new RecurrentLanguageModel(sizes, new Random(1));
}

/** A training as users run it: core's trainer, the state carried from batch to batch, nothing written. */
function train() {
  const random = new Random(1);
  const model = newModel();
  const ids = Int32Array.from({ length: batch * steps }, () => random.integer(symbols));
  const targets = Int32Array.from(ids, () => random.integer(symbols));
  const shape = /** @type {[number, number]} */ ([batch, steps]);
  return async (/** @type {number} */ seconds) => {
    /** @type {number[]} */
    const times = [];
    let last = performance.now();
    let started = last;
    const enough = new AbortController();
    const trainer = new Trainer({
      parameters: model.parameters,
      loss: (_, carry, { random }) => {
        const labels = tf.tensor2d(targets, shape, 'int32');
        const { loss, state } = model.loss(tf.tensor2d(ids, shape, 'int32'), labels, carry, { training: true, random });
        return { loss, carry: state };
      },
      source: { next: () => ids, state: () => null, restore: () => {} },
      initialCarry: model.initialState(batch),
      random: new Random(2),
      optimizer: { name: 'adam' },
      schedule: { name: 'constant', learningRate: 2e-3 },
      clip: { norm: 1 },
      signal: enough.signal,
      hooks: {
        onStep: ({ step }) => {
          const now = performance.now();
          // The first step warms up: after the others' turns the caches hold nothing of ours.
          if (step > 1) times.push((now - last) / 1000);
          else started = now;
          last = now;
          if (now - started > 1000 * seconds && times.length >= 2) enough.abort();
        },
      },
    });
    await trainer.train();
    trainer.dispose();
    return { tokens_per_second: (batch * steps) / median(times) };
  };
}

/** Text written one symbol at a time, as the text application writes it. */
function generate() {
  const compiled = compileSteps(newModel(), /** @type {'f32'} */ (values.weights));
  about.way = compiled.way;
  return async (/** @type {number} */ seconds) => {
    const session = compiled.session(1);
    const characters = streamTokens(session, {
      prompt: [0],
      maximumTokens: Number.MAX_SAFE_INTEGER,
      random: new Random(2),
    });
    const warmUp = 20;
    let started = performance.now();
    let count = -warmUp;
    for await (const _ of characters) {
      if (++count === 0) started = performance.now();
      if (count > 0 && performance.now() - started > 1000 * seconds) break;
    }
    const result = { characters_per_second: (1000 * count) / (performance.now() - started) };
    session.dispose();
    return result;
  };
}

/** One product m x k by k x n, and what the registers' tile alone reaches with operands that stay in the innermost cache. */
function gemm() {
  const [m, k, n] = values.size.split('x').map(Number);
  const [left, right] = [tf.randomUniform([m, k]), tf.randomUniform([k, n])];
  const multiply = () => {
    const product = tf.matMul(left, right);
    // One element: waits for the product, as the peers do, without copying it.
    tf.tidy(() => tf.slice(product, [0, 0], [1, 1]).dataSync());
    product.dispose();
  };
  return (/** @type {number} */ seconds) => {
    const gflops = (2 * m * k * n) / median(timesOf(multiply, seconds)) / 1e9;
    const native = activeNativeBackend();
    if (!native) return { gflops };
    let operations = 0;
    const peak = median(timesOf(() => (operations = native.addon.l1Product(1000)), seconds / 3));
    return { gflops, l1_peak_gflops: operations / peak / 1e9 };
  };
}

const what = /** @type {'train' | 'generate' | 'gemm'} */ (positionals[0]);
const { name, threads, precision, reason } = await selectBackend(/** @type {'auto'} */ (values.backend), {
  threads: values.threads === undefined ? undefined : Number(values.threads),
  precision: /** @type {'f32'} */ (values.precision),
});
/** @type {Record<string, unknown>} */
const about = { backend: name, threads, precision, reason };
const addon = activeNativeBackend()?.addon;
if (precision !== values.precision) about.unsupported = reason;
if (values.isa !== undefined && !addon?.setIsa(values.isa)) about.unsupported = `no ${values.isa} kernels here`;
about.isa = addon?.isa();
const measure = { train, generate, gemm }[what]();
await serve(about, measure);
