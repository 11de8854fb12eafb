import { afterAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { gru, lstm, lstmTrace, simpleRnn, softmaxCrossEntropy } from '@cadenza/core';
import { loadAddon } from '../../src/addon.js';
import { expectSameOnNative, isBuilt, tensor } from '../onBoth.js';

// Sums of up to 65 products in float32, in another order than JavaScript's float64 sums.
const TOLERANCE = 2e-5;
// Operands rounded to 8 bits, in up to 65 products of sums that cancel.
const BF16_TOLERANCE = 5e-2;
const addon = loadAddon().addon;
const available = ['amxbf16', 'avx512bf16', 'avx512', 'avx2', 'baseline'].filter((name) => addon?.setIsa(name));
addon?.setIsa('');

describe.skipIf(!isBuilt)('every instruction set of this machine', () => {
  afterAll(() => void addon?.setIsa(''));

  it('has the baseline', () => expect(available).toContain('baseline'));

  it.each(available)('%s traces gates in float32, with a gradient beside', async (isa) => {
    expect(addon!.setIsa(isa)).toBe(true);
    await expectSameOnNative(
      () => {
        const [B, T, D, H] = [3, 4, 5, 7];
        const x = tensor([B, T, D], 1);
        const given = { recurrentKernel: tensor([H, 4 * H], 2, 0.4), bias: tf.zeros([4 * H]) };
        const run = (kernel: tf.Tensor) => lstmTrace({ x, kernel, ...given });
        const loss = (kernel: tf.Tensor) =>
          tf.add(tf.sum(run(kernel).h), tf.sum(lstm({ x, kernel, ...given }).c)) as tf.Scalar;
        const kernel = tensor([D, 4 * H], 3);
        return [...Object.values(run(kernel)), tf.grad(loss)(kernel)];
      },
      isa.endsWith('bf16') ? BF16_TOLERANCE : TOLERANCE,
    );
  });

  it.each(available)('%s equals the cpu backend', async (isa) => {
    expect(addon!.setIsa(isa)).toBe(true);
    for (const [B, T, D, H] of [
      [1, 1, 3, 7],
      [3, 4, 33, 17],
      [9, 2, 16, 65],
    ]) {
      await expectSameOnNative(
        () => {
          const x = tensor([B, T, D], 1);
          const labels = tf.tensor(
            Int32Array.from({ length: B * T }, (_, i) => i % H),
            [B * T],
            'int32',
          );
          const weights = [4, 3, 1].flatMap((gates) => [
            tensor([D, gates * H], gates),
            tensor([H, gates * H], gates + 5, 0.4),
          ]);
          const loss = (...[k1, u1, k2, u2, k3, u3]: tf.Tensor[]) => {
            const outputs = [
              lstm({ x, kernel: k1, recurrentKernel: u1, bias: tf.zeros([4 * H]) }).outputs,
              gru({ x, kernel: k2, recurrentKernel: u2, bias: tf.zeros([2, 3 * H]) }).outputs,
              simpleRnn({ x, kernel: k3, recurrentKernel: u3, bias: tf.zeros([H]) }).outputs,
            ];
            const logits = tf.reshape(tf.tanh(tf.addN(outputs)), [B * T, H]);
            return tf.mean(softmaxCrossEntropy(tf.matMul(logits, tensor([H, H], 20)), labels)) as tf.Scalar;
          };
          return [loss(...weights), ...tf.grads(loss)(weights)];
        },
        isa.endsWith('bf16') ? BF16_TOLERANCE : TOLERANCE,
      );
    }
  });
});
