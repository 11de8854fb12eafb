/**
 * Trains a small language model on the native backend for many steps and watches the memory of the process, of the backend's pool
 * and of the kernels: all of it must stay as it is after a warm-up of a tenth of the steps.
 *
 *     node scripts/testMemory.mjs [STEPS, 10000 when absent]
 *
 * Batches are of varying length, padded ones among them; the state is carried from one to the next, dropout and zoneout act;
 * every other step trains a layer with lengths too, and every hundredth evaluates and generates. Prints a line of
 * figures ten times and, last, the verdict; the exit code is 1 when something grew.
 */
import * as tf from '@tensorflow/tfjs-core';
import { Random, RecurrentLanguageModel, clipFactor, createOptimizer, globalNorm, lstm } from '@cadenza/core';
import { activeNativeBackend, selectBackend } from '../dist/index.js';

const STEPS = Number(process.argv[2] ?? 10000);
const [BATCH, SYMBOLS, HIDDEN, WIDTH] = [8, 30, 64, 12];

const random = new Random(1);
const ids = (rows, steps) =>
  tf.tensor2d(
    Int32Array.from({ length: rows * steps }, () => random.integer(SYMBOLS)),
    [rows, steps],
    'int32',
  );

/** One step of the model; the new state. */
function trainModel(model, optimizer, state) {
  const steps = 4 + random.integer(20);
  return tf.tidy(() => {
    // The ends of the rows are padding.
    const targets = Int32Array.from({ length: BATCH * steps }, (_, i) =>
      i % steps < steps - (Math.floor(i / steps) % 3) ? random.integer(SYMBOLS) : -1,
    );
    let next = [];
    const { grads } = tf.variableGrads(() => {
      const labels = tf.tensor2d(targets, [BATCH, steps], 'int32');
      const result = model.loss(ids(BATCH, steps), labels, state, { training: true });
      next = result.state.map((tensor) => tf.keep(tf.clone(tensor)));
      return result.loss;
    }, [...model.parameters.values()]);
    const gradients = new Map(Array.from(model.parameters, ([name, variable]) => [name, grads[variable.name]]));
    const gradientScale = clipFactor(globalNorm([...gradients.values()]), 1);
    optimizer.apply(model.parameters, gradients, { learningRate: 2e-3, gradientScale });
    tf.dispose(state);
    return next;
  });
}

/** One step of a layer whose rows end at different times. */
function trainLayer(weights) {
  const steps = 2 + random.integer(8);
  return tf.tidy(() => {
    const lengths = tf.tensor1d(
      Int32Array.from({ length: BATCH }, () => random.integer(steps + 1)),
      'int32',
    );
    const x = tf.randomUniform([BATCH, steps, WIDTH]);
    const loss = (kernel, recurrentKernel, bias) =>
      tf.mean(tf.square(lstm({ x, kernel, recurrentKernel, bias, lengths }).outputs));
    const next = tf
      .grads(loss)(weights)
      .map((gradient, i) => tf.sub(weights[i], tf.mul(gradient, 0.1)));
    tf.dispose(weights);
    return next;
  });
}

/** Evaluates, then generates some tokens with weights that are packed once. */
function evaluate(model) {
  tf.tidy(() => {
    model.loss(ids(4, 50), ids(4, 50), model.initialState(4)).loss.dataSync();
    let state = model.initialState(1);
    for (let i = 0; i < 20; i++) {
      const token = tf.tensor1d([random.integer(SYMBOLS)], 'int32');
      state = model.step(token, state).state;
    }
  });
}

/** What must not grow. */
function figures() {
  const backend = activeNativeBackend();
  const { inUse, free, allocations } = backend.poolStatistics();
  const kernels = backend.addon.memoryUse();
  return {
    rss: process.memoryUsage.rss(),
    tensors: tf.memory().numTensors,
    data: backend.numDataIds(),
    pool: inUse + free,
    allocations,
    scratch: kernels.inUse + kernels.pooled,
    buffers: kernels.buffers,
  };
}

const show = ({ rss, tensors, data, pool, allocations, scratch, buffers }) =>
  `${(rss / 1e6).toFixed(1)} MB resident, ${tensors} tensors, ${data} data, pool ${(pool / 1e6).toFixed(2)} MB by ${allocations} ` +
  `allocations, kernels ${(scratch / 1e6).toFixed(2)} MB in ${buffers} buffers`;

async function main() {
  if (!Number.isSafeInteger(STEPS) || STEPS < 100) {
    console.error(`Expected the number of steps to be an integer from 100, got ${process.argv[2]}`);
    process.exitCode = 1;
    return;
  }
  console.log((await selectBackend('native')).reason);
  const options = { vocabularySize: SYMBOLS, embeddingSize: 24, hiddenSize: HIDDEN, layers: 2 };
  const model = new RecurrentLanguageModel(
    { ...options, dropout: { between: 0.2, recurrent: 0.1 }, zoneout: { hidden: 0.05, cell: 0.05 } },
    new Random(2),
  );
  const optimizer = createOptimizer({ name: 'adam' });
  let state = model.initialState(BATCH);
  let weights = [tf.randomUniform([WIDTH, 4 * HIDDEN]), tf.randomUniform([HIDDEN, 4 * HIDDEN]), tf.zeros([4 * HIDDEN])];

  const part = Math.floor(STEPS / 10);
  let before;
  for (let step = 1; step <= STEPS; step++) {
    state = trainModel(model, optimizer, state);
    if (step % 2 === 0) weights = trainLayer(weights);
    if (step % Math.min(100, part) === 0) evaluate(model);
    // A training loop lets the event loop have its turn; what waits for it to be freed is.
    if (step % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (step % part !== 0) continue;
    const now = figures();
    console.log(`${step} steps: ${show(now)}`);
    before ??= now;
  }
  const after = figures();
  // The collector's heap breathes by some MB; 10,000 leaked tensors of a step would be hundreds.
  const limits = {
    rss: 1.1 * before.rss + 20e6,
    allocations: before.allocations + 60,
    pool: 1.25 * before.pool,
    scratch: 1.25 * before.scratch,
  };
  const grown = Object.keys(after).filter((name) => after[name] > (limits[name] ?? before[name]));
  console.log(grown.length === 0 ? 'memory is flat' : `grown: ${grown.join(', ')}`);
  process.exitCode = grown.length === 0 ? 0 : 1;
}

await main();
