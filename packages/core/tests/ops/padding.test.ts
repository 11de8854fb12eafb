import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.js';
import { gru, lstm, registerCadenzaKernels, simpleRnn } from '../../src/ops/index.js';
import { draw, resultsAndGradients } from './recurrentCases.js';

const CELLS = {
  lstm: { run: lstm, gates: 4, biases: [4], norms: true },
  gru: { run: gru, gates: 3, biases: [2, 3], norms: false },
  simpleRnn: { run: simpleRnn, gates: 1, biases: [1], norms: false },
};
const [B, T, D, H] = [4, 5, 3, 4];
const LENGTHS = [5, 0, 3, 1];

describe('padded steps', () => {
  beforeEach(async () => {
    registerCadenzaKernels('cpu');
    await tf.setBackend('cpu');
    tf.engine().startScope();
  });
  afterEach(() => tf.engine().endScope());

  it.each([-1, T + 1])('are not counted where a length, %i, is none of the batch’s', (length) => {
    const { floats } = draw(1);
    const [x, kernel, recurrentKernel] = [floats([B, T, D]), floats([D, 4 * H]), floats([H, 4 * H])];
    const lengths = tf.tensor([T, length, ...LENGTHS.slice(2)], [B], 'int32');
    const run = () => lstm({ x, kernel, recurrentKernel, bias: tf.zeros([4 * H]), lengths });
    expect(run).toThrow(InputError);
    expect(run).toThrow(`Expected lengths to be of [0, ${T + 1}), got ${length} at position 1`);
  });

  it.each(Object.keys(CELLS) as (keyof typeof CELLS)[])('of %s are not read, NaN and infinity neither', (name) => {
    const { run, gates, biases, norms } = CELLS[name];
    const { floats, norm } = draw(1);
    const args = {
      x: floats([B, T, D]),
      kernel: floats([D, gates * H]),
      recurrentKernel: floats([H, gates * H]),
      bias: floats([...biases.slice(0, -1), biases.at(-1)! * H]),
      h0: floats([B, H]),
      lengths: tf.tensor(LENGTHS, [B], 'int32'),
      ...(norms ? { normInput: norm(gates * H), normRecurrent: norm(gates * H), normCell: norm(H) } : {}),
    };
    const values = args.x.dataSync().slice();
    LENGTHS.forEach((length, b) => values.fill(b % 2 ? NaN : Infinity, (b * T + length) * D, (b + 1) * T * D));
    const differentiable = Object.keys(args);
    const call = run as unknown as (given: typeof args) => Record<string, tf.Tensor>;
    const clean = resultsAndGradients(call, args, differentiable);
    const poisoned = resultsAndGradients(call, { ...args, x: tf.tensor(values, [B, T, D]) }, differentiable);
    for (const kind of ['results', 'gradients'] as const) {
      for (const [key, tensor] of Object.entries(clean[kind])) {
        expect([key, ...poisoned[kind][key].dataSync()]).toEqual([key, ...tensor.dataSync()]);
      }
    }
  });

  it.each(Object.keys(CELLS) as (keyof typeof CELLS)[])(
    'of %s in a batch without a row give gradients of zero',
    (name) => {
      const { run, gates, biases } = CELLS[name];
      const { floats } = draw(1);
      const args = {
        x: tf.zeros([0, T, D]),
        kernel: floats([D, gates * H]),
        recurrentKernel: floats([H, gates * H]),
        bias: floats([...biases.slice(0, -1), biases.at(-1)! * H]),
        h0: tf.zeros([0, H]),
      };
      const call = run as unknown as (given: typeof args) => Record<string, tf.Tensor>;
      const { gradients } = resultsAndGradients(call, args, Object.keys(args));
      for (const [key, { shape }] of Object.entries(args)) expect(gradients[key].shape).toEqual(shape);
      expect(gradients.kernel.dataSync().every((value) => value === 0)).toBe(true);
    },
  );
});
