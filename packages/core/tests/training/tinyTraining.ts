import * as tf from '@tensorflow/tfjs-core';
import type { BatchSource, Json, Parameters, TrainerOptions } from '../../src/index.js';
import { Random } from '../../src/index.js';

/** Rows of a small regression: x [4, 3] and the y [4, 2] of a fixed linear map, new ones at every batch. */
export interface TinyBatch {
  x: number[][];
  y: number[][];
}

/** An endless (or bounded) source whose cursor is a random state and a count. */
export function tinySource(seed = 5, length = Infinity): BatchSource<TinyBatch> {
  const random = new Random(seed);
  let count = 0;
  return {
    next() {
      if (count >= length) return null;
      count++;
      const x = Array.from({ length: 4 }, () => [random.normal(), random.normal(), random.normal()]);
      return { x, y: x.map(([a, b, c]) => [a - 2 * b + 0.5, 0.3 * c + b]) };
    },
    state: () => ({ count, random: random.state() }),
    restore(state: Json) {
      const saved = state as { count: number; random: [number, number, number, number] };
      count = saved.count;
      random.restore(saved.random);
    },
    get epoch() {
      return count / 10;
    },
  };
}

let made = 0;

/** Kernel [3, 2] and bias [2] of a linear model, the same values every time. */
export function tinyParameters(): Map<string, tf.Variable> {
  made++;
  return tf.tidy(
    () =>
      new Map<string, tf.Variable>([
        ['kernel', tf.variable(tf.tensor2d([0.1, -0.2, 0.3, 0.4, -0.5, 0.6], [3, 2]), true, `tiny${made}/kernel`)],
        ['bias', tf.variable(tf.tensor1d([0.05, -0.05]), true, `tiny${made}/bias`)],
      ]) as never,
  );
}

/** Mean squared error, with noise from `random` and a carry that remembers the last prediction's mean. */
export function tinyLoss(parameters: Parameters): TrainerOptions<TinyBatch>['loss'] {
  return ({ x, y }, carry, { random }) => {
    const noise = tf.tensor2d(
      Array.from({ length: 12 }, () => 1 + 0.1 * random.normal()),
      [4, 3],
    );
    const prediction = tf.add(
      tf.matMul(tf.mul(tf.tensor2d(x), noise), parameters.get('kernel')!),
      parameters.get('bias')!,
    );
    const shifted = carry.length > 0 ? tf.add(prediction, tf.mul(carry[0], 0.01)) : prediction;
    return { loss: tf.mean(tf.square(tf.sub(shifted, tf.tensor2d(y)))), carry: [tf.mean(prediction, 0)] };
  };
}

/** The error on fixed rows, without noise: deterministic in the parameters. */
export function tinyValidation(parameters: Parameters): () => { loss: number } {
  return () => {
    const value = tf.tidy(() => {
      const source = tinySource(99);
      const { x, y } = source.next() as TinyBatch;
      const prediction = tf.add(tf.matMul(tf.tensor2d(x), parameters.get('kernel')!), parameters.get('bias')!);
      return tf.mean(tf.square(tf.sub(prediction, tf.tensor2d(y)))).dataSync()[0];
    });
    return { loss: value };
  };
}

/** Everything a trainer needs, to be changed by each test. */
export function tinyOptions(overrides: Partial<TrainerOptions<TinyBatch>> = {}): TrainerOptions<TinyBatch> {
  const parameters = overrides.parameters ?? tinyParameters();
  return {
    parameters,
    loss: tinyLoss(parameters),
    source: tinySource(),
    random: new Random(3),
    optimizer: { name: 'adam' },
    schedule: { name: 'constant', learningRate: 0.05 },
    ...overrides,
  };
}

/** All values of all parameters, for exact comparison. */
export function valuesOf(parameters: Parameters): Record<string, number[]> {
  return Object.fromEntries(Array.from(parameters, ([name, variable]) => [name, Array.from(variable.dataSync())]));
}
