import { beforeAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { attention, embeddingLookup, gru, lstm, simpleRnn } from '../../src/index.js';

/** 0.1 as float32, whose sums in a chain of float32 additions drift. */
const TENTH = Math.fround(0.1);
const MANY = 65_536;
const D = 3;

/** The gradient of 0.1 times the sum of what `output` gives, as numbers. */
const gradientOf = (output: (weight: tf.Tensor) => tf.Tensor, weight: tf.Tensor): Float32Array =>
  tf
    .grad((given: tf.Tensor) => tf.mul(tf.sum(output(given)), 0.1))(weight)
    .dataSync<'float32'>();

const expectSums = (values: ArrayLike<number>, wanted: number): void => {
  const errors = Array.from(values, (value) => Math.abs(value / wanted - 1));
  // one rounding to float32
  expect(Math.max(...errors)).toBeLessThan(1e-7);
};

describe('gradients that are sums of many numbers stay exact to a rounding', () => {
  beforeAll(async () => void (await tf.setBackend('cpu')));

  it('of an embedding, in which one id stands often and another once', () => {
    tf.tidy(() => {
      const ids = tf.tensor1d([...new Int32Array(MANY), 2], 'int32');
      const gradient = gradientOf((table) => embeddingLookup(table, ids), tf.ones([4, D]));
      expectSums(gradient.slice(0, D), MANY * TENTH);
      expect([...gradient.slice(D)]).toEqual([0, 0, 0, TENTH, TENTH, TENTH, 0, 0, 0]);
    });
  });

  it('of a table of a recurrent layer’s ids, but for padded steps', () => {
    tf.tidy(() => {
      const [recurrentKernel, bias] = [tf.zeros([D, D]), tf.ones([D])];
      const x = tf.zeros([MANY, 2], 'int32');
      const lengths = tf.ones([MANY], 'int32');
      const gradient = gradientOf(
        (kernel) => simpleRnn({ x, kernel, recurrentKernel, bias, lengths, activation: 'relu' }).outputs,
        tf.zeros([2, D]),
      );
      expectSums(gradient.slice(0, D), MANY * TENTH);
      expect([...gradient.slice(D)]).toEqual([0, 0, 0]);
    });
  });

  it('of biases, of the recurrence too', () => {
    tf.tidy(() => {
      const x = tf.zeros([MANY, 1, 1]);
      const of = (gates: number) => ({
        x,
        kernel: tf.zeros([1, gates * D]),
        recurrentKernel: tf.zeros([D, gates * D]),
      });
      const relu = (bias: tf.Tensor) => simpleRnn({ ...of(1), bias, activation: 'relu' as const }).outputs;
      expectSums(gradientOf(relu, tf.ones([D])), MANY * TENTH);

      const cell = gradientOf((bias) => lstm({ ...of(4), bias }).outputs, tf.zeros([4 * D])).slice(2 * D, 3 * D);
      expectSums(cell, (MANY * TENTH) / 4); // i = o = 1/2
      const candidates = gradientOf((bias) => gru({ ...of(3), bias }).outputs, tf.zeros([2, 3 * D]));
      expectSums(candidates.slice(2 * D, 3 * D), (MANY * TENTH) / 2); // 1 - z = 1/2
      expectSums(candidates.slice(5 * D), (MANY * TENTH) / 4); // r = 1/2
    });
  });

  it('of layer norms’ biases', () => {
    tf.tidy(() => {
      const call = { x: tf.zeros([MANY, 1, 1]), kernel: tf.zeros([1, D]), recurrentKernel: tf.zeros([D, D]) };
      const norm = tf.concat([tf.ones([1, D]), tf.zeros([1, D])], 0);
      for (const name of ['normInput', 'normRecurrent']) {
        const output = (given: tf.Tensor) =>
          simpleRnn({ ...call, bias: tf.ones([D]), activation: 'relu', [name]: given }).outputs;
        expectSums(gradientOf(output, norm).slice(D), MANY * TENTH);
      }
    });
  });

  it('of attention’s vector', () => {
    tf.tidy(() => {
      const query = tf.ones([MANY / 2, 1, 1]);
      const [keys, values] = [
        [1, 0],
        [0, 2],
      ].map((row) => tf.tile(tf.tensor3d(row, [1, 2, 1]), [MANY / 2, 1, 1]));
      const gradient = gradientOf(
        (vector) => attention(query, keys, values, { score: 'additive', vector }).context,
        tf.zeros([1]),
      );
      // weights of a half each, so that dv = sum of (tanh 1 - tanh 2) / 2
      expectSums(gradient, (MANY / 2) * TENTH * 0.5 * (Math.tanh(1) - Math.tanh(2)));
    });
  });
});
