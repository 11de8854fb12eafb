import * as tf from '@tensorflow/tfjs-core';
import { LSTM, Random, SimpleRNN, globalNorm, type RecurrentLayer } from '@cadenza/core';
import type { Page } from './page.js';

export interface LongMemoryOptions {
  /** The length of the sequences. */
  steps?: number;
  /** Training batches, the same for both networks. */
  batches?: number;
  batch?: number;
  learningRate?: number;
  seed?: number;
  log?: (line: string) => void;
}

/** What one network came to. */
export interface Learned {
  name: string;
  parameters: number;
  /** Mean squared error on sequences it has not seen, every 50 batches. */
  errors: number[];
  /** The share of unseen sequences whose sum it gives to 0.1. */
  solved: number;
}

/** Always to answer 1 gives the variance of the sum of two uniform numbers. */
export const guessError = 1 / 6;

/**
 * The adding problem (Hochreiter and Schmidhuber 1997, section 5.4): a sequence of numbers of [0, 1) of which two are marked, one in
 * each half; the answer is their sum. Whatever is marked first must be kept for half the sequence and more.
 */
export function addingBatch(random: Random, batch: number, steps: number): { x: tf.Tensor3D; y: tf.Tensor2D } {
  const values = new Float32Array(batch * steps * 2);
  const sums = new Float32Array(batch);
  const half = Math.floor(steps / 2);
  for (let b = 0; b < batch; b++) {
    const marked = [random.integer(half), half + random.integer(steps - half)];
    for (let t = 0; t < steps; t++) {
      const value = random.next();
      const isMarked = marked.includes(t);
      values.set([value, isMarked ? 1 : 0], (b * steps + t) * 2);
      if (isMarked) sums[b] += value;
    }
  }
  return { x: tf.tensor3d(values, [batch, steps, 2]), y: tf.tensor2d(sums, [batch, 1]) };
}

/**
 * Biases that let the cells remember for up to the length of the sequence: b_f = log(u), b_i = -b_f with u uniform of [1, T)
 * (Tallec and Ollivier 2018, equation 16).
 */
function chronoBias(layer: LSTM, steps: number, random: Random): void {
  const bias = layer.parameters().get('bias')!;
  const values = bias.dataSync().slice();
  for (let unit = 0; unit < layer.units; unit++) {
    values[layer.units + unit] = Math.log(1 + random.next() * (steps - 2));
    values[unit] = -values[layer.units + unit];
  }
  tf.tidy(() => bias.assign(tf.tensor1d(values)));
}

function train(name: string, layer: RecurrentLayer, options: Required<LongMemoryOptions>): Learned {
  const { steps, batches, batch, learningRate, seed, log } = options;
  const random = new Random(seed);
  const unseen = addingBatch(new Random(seed).fork('unseen'), 200, steps);
  const fill = random.fork('output');
  const [kernel, bias] = tf.tidy(() => {
    const values = Array.from({ length: layer.units }, () => [fill.normal() / Math.sqrt(layer.units)]);
    return [tf.variable(tf.tensor2d(values)), tf.variable(tf.ones([1]))];
  });
  const variables = [...layer.parameters().values(), kernel, bias];
  const predict = (x: tf.Tensor): tf.Tensor =>
    tf.add(tf.matMul(layer.run(x, { needInputGradient: false }).last, kernel as tf.Tensor as tf.Tensor2D), bias);
  const loss = (x: tf.Tensor, y: tf.Tensor): tf.Scalar => tf.mean(tf.squaredDifference(predict(x), y));
  const optimizer = tf.train.adam(learningRate);
  const errors: number[] = [];
  for (let step = 1; step <= batches; step++) {
    tf.tidy(() => {
      const { x, y } = addingBatch(random, batch, steps);
      const { grads } = tf.variableGrads(() => loss(x, y), variables);
      const scale = Math.min(1, 1 / globalNorm(Object.values(grads)));
      optimizer.applyGradients(
        Object.entries(grads).map(([key, gradient]) => ({ name: key, tensor: tf.mul(gradient, scale) })),
      );
    });
    if (step % 50 !== 0 && step !== batches) continue;
    errors.push(tf.tidy(() => loss(unseen.x, unseen.y).dataSync()[0]));
    log(`${name}: batch ${step}, error ${errors.at(-1)!.toFixed(4)}`);
  }
  const solved = tf.tidy(() => {
    const near = tf.less(tf.abs(tf.sub(predict(unseen.x), unseen.y)), 0.1);
    return tf.mean(tf.cast(near, 'float32')).dataSync()[0];
  });
  const parameters = variables.reduce((sum, variable) => sum + variable.size, 0);
  tf.dispose([unseen.x, unseen.y, kernel, bias]);
  optimizer.dispose();
  layer.dispose();
  return { name, parameters, errors, solved };
}

/** Trains an LSTM and a simple RNN of as many parameters on as many of the same sequences. */
export function compareMemories(options: LongMemoryOptions = {}): Learned[] {
  const settings = {
    steps: 200,
    batches: 600,
    batch: 16,
    learningRate: 0.01,
    seed: 1,
    log: () => undefined,
    ...options,
  };
  const lstm = new LSTM({ units: 16, seed: settings.seed });
  const rnn = new SimpleRNN({ units: 33, seed: settings.seed });
  for (const layer of [lstm, rnn]) layer.build([null, null, 2]);
  chronoBias(lstm, settings.steps, new Random(settings.seed).fork('chrono'));
  return [train('LSTM', lstm, settings), train('RNN', rnn, settings)];
}

/** The comparison as a page. */
export function longMemoryPage(learned: Learned[], steps: number): Page {
  const x = learned[0].errors.map((_, index) => 50 * (index + 1));
  return {
    title: `The adding problem over ${steps} steps`,
    text: [
      `Two numbers of ${steps} are marked, one in each half; the answer is their sum. Both networks see the same sequences, ` +
        'with the same optimizer and about as many parameters. Each starts as well as it can: the RNN with orthonormal recurrent ' +
        'weights, the LSTM with gates that may stay open for the whole sequence. Always answering 1 gives an error of 0.167.',
    ],
    charts: [
      {
        title: 'Error on unseen sequences',
        ...{ xLabel: 'training batches', yLabel: 'mean squared error', x, logarithmic: true },
        curves: [
          ...learned.map(({ name, errors }) => ({ label: name, values: errors })),
          { label: 'always 1', values: x.map(() => guessError) },
        ],
      },
    ],
    table: [
      ['network', 'parameters', 'error', 'answers within 0.1'],
      ...learned.map(({ name, parameters, errors, solved }) => [
        name,
        String(parameters),
        errors.at(-1)!.toFixed(4),
        `${(100 * solved).toFixed(0)} %`,
      ]),
    ],
  };
}
