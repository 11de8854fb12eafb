import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../src/index.js';
import { gruCall } from '../../src/ops/gru.js';
import { lstmCall } from '../../src/ops/lstm.js';
import { rnnCall } from '../../src/ops/rnn.js';
import { runSequence, type SequenceCall } from '../../src/ops/sequenceOp.js';
import { runSequencePair } from '../../src/ops/sequencePair.js';

const [B, T, D, H] = [3, 4, 5, 6];
const values = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 0.5, 'float32', seed);

/** The weights of one direction: those of the cell, and a state to begin with. */
const weightsOf = (gates: number, seed: number) => [
  values([D, gates * H], seed),
  values([H, gates * H], seed + 1),
  values([gates * H], seed + 2),
  values([B, H], seed + 3),
];

type MakeCall = (x: tf.Tensor, weights: tf.Tensor[], more: object) => SequenceCall;
const cells: Record<string, [gates: number, make: MakeCall]> = {
  lstm: [
    4,
    (x, [kernel, recurrentKernel, bias, h0], more) => lstmCall({ x, kernel, recurrentKernel, bias, h0, ...more }),
  ],
  gru: [
    3,
    (x, [kernel, recurrentKernel, bias, h0], more) =>
      gruCall({ x, kernel, recurrentKernel, bias, h0, resetAfter: false, ...more }),
  ],
  rnn: [
    1,
    (x, [kernel, recurrentKernel, bias, h0], more) => rnnCall({ x, kernel, recurrentKernel, bias, h0, ...more }),
  ],
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('two calls as one', () => {
  it.each([
    ['lstm', 'lstm'],
    ['gru', 'gru'],
    ['rnn', 'rnn'],
    ['lstm', 'rnn'],
  ])('give what each gives, with gradients: %s and %s', (first, second) => {
    const [[gates, make], [otherGates, makeOther]] = [cells[first], cells[second]];
    const x = values([B, T, D], 1);
    const lengths = tf.tensor1d([4, 1, 3], 'int32');
    const weights = [...weightsOf(gates, 10), ...weightsOf(otherGates, 20)];
    const before = tf.memory().numTensors;
    const compute = (run: (a: SequenceCall, b: SequenceCall) => tf.Tensor[][]) =>
      tf.tidy(() => {
        const loss = (x: tf.Tensor, ...w: tf.Tensor[]) => {
          const calls = [
            make(x, w.slice(0, 4), { lengths }),
            // Something that only one of them has.
            makeOther(x, w.slice(4), { reverse: true, recurrentMask: tf.fill([B, H], 0.5) }),
          ];
          const outputs = run(calls[0], calls[1]).flat();
          return tf.addN(outputs.map((output, place) => tf.sum(tf.mul(tf.square(output), place + 1)))) as tf.Scalar;
        };
        const plain = run(make(x, weights.slice(0, 4), {}), makeOther(x, weights.slice(4), {})).flat();
        return [...plain, ...tf.grads(loss)([x, ...weights])].map((tensor) => tensor.arraySync());
      });
    const together = compute(runSequencePair);
    expect(together).toEqual(compute((...calls) => calls.map((call) => runSequence(call).outputs)));
    expect(together.length).toBeGreaterThan(9);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('save the gradient of an input that needs none, each for itself', () => {
    const [gates, make] = cells.gru;
    const weights = weightsOf(gates, 10);
    const loss = (needed: boolean[]) => (x: tf.Tensor) => {
      const [a, b] = needed.map((needInputGradient) => ({ ...make(x, weights, {}), needInputGradient }));
      return tf.sum(tf.add(...(runSequencePair(a, b).map(([y]) => y) as [tf.Tensor, tf.Tensor]))) as tf.Scalar;
    };
    const x = values([B, T, D], 1);
    expect(tf.grad(loss([true, true]))(x).shape).toEqual(x.shape);
    expect(() => tf.grad(loss([true, false]))(x)).toThrow('needInputGradient is false');
  });
});
