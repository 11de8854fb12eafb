import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adamStep, gru, lstm, simpleRnn, softmaxCrossEntropy } from '../../src/ops/index.js';
import type { RnnActivation } from '../../src/ops/rnn.js';
import { distance } from './recurrentCases.js';

interface Numbers {
  shape: number[];
  values: number[];
}
interface Golden {
  recurrent: {
    name: string;
    kind: 'RNN' | 'LSTM' | 'GRU';
    lengths: number[] | null;
    activation: RnnActivation | null;
    x: Numbers;
    dx: Numbers;
    y: Numbers;
    dy: Numbers;
    directions: Record<string, Numbers>[];
  }[];
  crossEntropy: { logits: Numbers; labels: number[]; losses: Numbers; dy: Numbers; dlogits: Numbers };
  adam: {
    name: string;
    learningRate: number;
    beta1: number;
    beta2: number;
    epsilon: number;
    weightDecay: number;
    start: Numbers;
    gradients: Numbers[];
    steps: Numbers[];
    m: Numbers;
    v: Numbers;
  }[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/recurrent.json', import.meta.url), 'utf8')) as Golden;
const tensor = ({ values, shape }: Numbers) => tf.tensor(values, shape, 'float32');

// PyTorch computed in float64; ours rounds to float32, 6e-8 an operation, over sums of about twenty terms and three steps.
const TOLERANCE = 5e-6;

describe('PyTorch agrees', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(golden.recurrent)('on a bidirectional $name: outputs, states and all gradients', (entry) => {
    const run = { RNN: simpleRnn, LSTM: lstm, GRU: gru }[entry.kind] as unknown as (
      args: object,
    ) => Record<string, tf.Tensor>;
    const states = entry.kind === 'LSTM' ? ['h', 'c'] : ['h'];
    const names = ['kernel', 'recurrentKernel', 'bias', 'projection', ...states.map((state) => `${state}0`)];
    const lengths = entry.lengths ? tf.tensor1d(entry.lengths, 'int32') : undefined;
    const activation = entry.activation ? { activation: entry.activation } : {};
    const size = entry.y.shape[2] / 2;
    const differences: [string, number][] = [];
    const compare = (name: string, got: tf.Tensor, wanted: tf.Tensor) =>
      differences.push([name, distance(got.dataSync(), wanted.dataSync())]);

    const inputGradients = entry.directions.map((direction, index) => {
      const given = names.filter((name) => direction[name]);
      const inputs = [tensor(entry.x), ...given.map((name) => tensor(direction[name]))];
      const side = (both: Numbers) => tf.slice(tensor(both), [0, 0, index * size], [-1, -1, size]);
      const call = (...tensors: tf.Tensor[]) => {
        const args = Object.fromEntries(['x', ...given].map((name, k) => [name, tensors[k]]));
        return run({ ...args, lengths, reverse: index === 1, ...activation });
      };
      const results = call(...inputs);
      compare(`y ${index}`, results.outputs, side(entry.y));
      for (const state of states) compare(`${state} ${index}`, results[state], tensor(direction[state]));
      const gradients = tf.grads((...tensors) => {
        const { outputs, ...last } = call(...tensors);
        let loss = tf.sum(tf.mul(outputs, side(entry.dy)));
        for (const state of states) loss = tf.add(loss, tf.sum(tf.mul(last[state], tensor(direction[`d${state}`]))));
        return loss;
      })(inputs);
      given.forEach((name, k) => compare(`d${name} ${index}`, gradients[k + 1], tensor(direction[`d${name}`])));
      return gradients[0];
    });
    compare('dx', tf.add(inputGradients[0], inputGradients[1]), tensor(entry.dx));
    expect(differences.filter(([, far]) => !(far < TOLERANCE))).toEqual([]);
    // y, states, weights and states' gradients of both directions, and dx.
    expect(differences.length).toBe(
      2 * (1 + states.length + entry.directions.map((d) => names.filter((n) => d[n]))[0].length) + 1,
    );
  });

  it('on the softmax cross entropy and its gradient, with an ignored label', () => {
    const { logits, labels, losses, dy, dlogits } = golden.crossEntropy;
    const ids = tf.tensor1d(labels, 'int32');
    expect(distance(softmaxCrossEntropy(tensor(logits), ids).dataSync(), losses.values)).toBeLessThan(TOLERANCE);
    const gradient = tf.grad((l) => tf.sum(tf.mul(softmaxCrossEntropy(l, ids), tensor(dy))))(tensor(logits));
    expect(distance(gradient.dataSync(), dlogits.values)).toBeLessThan(TOLERANCE);
  });

  it.each(golden.adam)('on five steps of $name', ({ name: _, start, gradients, steps, m, v, ...options }) => {
    let state = { parameter: tensor(start), m: tf.zeros(start.shape), v: tf.zeros(start.shape) };
    gradients.forEach((gradient, index) => {
      state = adamStep({ ...state, gradient: tensor(gradient), step: index + 1, ...options });
      expect(distance(state.parameter.dataSync(), steps[index].values)).toBeLessThan(1e-6);
    });
    expect(distance(state.m.dataSync(), m.values)).toBeLessThan(1e-6);
    expect(distance(state.v.dataSync(), v.values)).toBeLessThan(1e-6);
  });
});
