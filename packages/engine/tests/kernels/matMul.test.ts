import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../../src/nativeBackend.js';
import { expectSameOnNative, isBuilt, nativeBackends, tensor } from '../onBoth.js';

// Sums of up to 300 products in float32, in another order than the cpu backend's float64 blocks of 48.
const TOLERANCE = 2e-5;
const SIZES = [1, 2, 7, 16, 33, 65];
const FLAGS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

const distanceOf = (a: Float32Array, b: Float32Array) =>
  a.reduce((far, value, e) => Math.max(far, Math.abs(value - b[e]) / Math.max(1, Math.abs(b[e]))), 0);
const operand = (outer: number[], rows: number, columns: number, transposed: boolean, seed: number) =>
  tensor([...outer, ...(transposed ? [columns, rows] : [rows, columns])], seed);

describe.skipIf(!isBuilt)('the native matrix product', () => {
  it.each(FLAGS)('equals the cpu backend at odd sizes, transposed %s %s', async (transposeA, transposeB) => {
    for (const m of SIZES) {
      for (const n of SIZES) {
        for (const k of [0, 1, 7, 33, 300]) {
          await expectSameOnNative(
            () => tf.matMul(operand([], m, k, transposeA, 1), operand([], k, n, transposeB, 2), transposeA, transposeB),
            TOLERANCE,
          );
        }
      }
    }
  });

  it.each(FLAGS)('repeats over batches, shared or not, transposed %s %s', async (transposeA, transposeB) => {
    for (const [outerA, outerB] of [
      [[3], [3]],
      [[1], [3]],
      [[3], [1]],
      [
        [2, 3],
        [2, 3],
      ],
      [
        [2, 3],
        [1, 1],
      ],
      [[], [4]],
    ]) {
      await expectSameOnNative(
        () =>
          tf.matMul(operand(outerA, 5, 7, transposeA, 1), operand(outerB, 7, 6, transposeB, 2), transposeA, transposeB),
        TOLERANCE,
      );
    }
  });

  it('broadcasts both operands along different axes, one product at a time', async () => {
    await tf.setBackend('native');
    tf.tidy(() => {
      const [a, b] = [tensor([2, 1, 3, 4], 1), tensor([1, 5, 4, 2], 2)];
      const whole = tf.matMul(a, b);
      expect(whole.shape).toEqual([2, 5, 3, 2]);
      const pair = tf.matMul(
        tf.reshape(tf.slice(a, [1, 0, 0, 0], [1, 1, 3, 4]), [3, 4]),
        tf.reshape(tf.slice(b, [0, 3, 0, 0], [1, 1, 4, 2]), [4, 2]),
      );
      expect(Array.from(tf.slice(whole, [1, 3, 0, 0], [1, 1, 3, 2]).dataSync())).toEqual(Array.from(pair.dataSync()));
    });
  });

  it.each(nativeBackends)('keeps a large right operand packed on %s, without another result', async (name) => {
    await tf.setBackend(name);
    const { addon } = tf.engine().backend as NativeBackend;
    const [m, k, n] = [6, 300, 900];
    for (const transposeB of [false, true]) {
      const a = tensor([m, k], 1);
      const b = tf.tidy(() => tf.variable(operand([], k, n, transposeB, 2)));
      const product = () => tf.tidy(() => tf.matMul(a, b, false, transposeB).dataSync().slice());
      // On WebAssembly tensors count too.
      const kept = () => (name === 'native' ? addon.memoryUse().buffers : 0);
      const before = kept();
      const first = product();
      expect(kept()).toBe(before); // one product is no reason to pack
      for (let again = 0; again < 3; again++) expect(product()).toEqual(first);
      if (name === 'native') expect(kept()).toBe(before + 1);
      // Few rows read it where it lies, several times as many take the packed one too.
      const rows = tf.tidy(() =>
        tf
          .matMul(tf.concat([a, a]), b, false, transposeB)
          .dataSync()
          .slice(),
      );
      expect(rows.subarray(m * n)).toEqual(first);
      tf.tidy(() => b.assign(operand([], k, n, transposeB, 3)));
      expect(kept()).toBe(before);
      const wanted = tf.tidy(() =>
        tf.matMul(a, tf.clone(operand([], k, n, transposeB, 3)), false, transposeB).dataSync(),
      );
      for (let again = 0; again < 3; again++) expect(product()).toEqual(wanted);
      tf.dispose([a, b]);
      expect(kept()).toBe(before);
    }
  });

  it.skipIf(!isBuilt)('packs anew for another instruction set, and for the transpose', async () => {
    await tf.setBackend('native');
    const { addon } = tf.engine().backend as NativeBackend;
    const [a, b] = [tensor([8, 600], 1), tensor([600, 600], 2)];
    const product = (transposeB: boolean) =>
      tf.tidy(() => tf.matMul(a, b, false, transposeB).dataSync<'float32'>().slice());
    const wanted = [false, true].map(product);
    for (const isa of ['', 'baseline', '']) {
      addon.setIsa(isa);
      for (const again of [0, 0, 1, 1, 0]) {
        expect(distanceOf(product(Boolean(again)), wanted[again])).toBeLessThan(TOLERANCE);
      }
    }
    tf.dispose([a, b]);
  });

  it('gives empty results for empty operands', async () => {
    await expectSameOnNative(() => [
      tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 4])),
      tf.matMul(tf.zeros([2, 3]), tf.zeros([3, 0])),
    ]);
  });

  it('lets NaN and infinity through', async () => {
    await expectSameOnNative(() =>
      tf.matMul(
        tf.tensor2d([
          [NaN, 1],
          [Infinity, 2],
          [0, 3],
        ]),
        tf.tensor2d([
          [1, 0],
          [2, -1],
        ]),
      ),
    );
  });

  it.each(['linear', 'relu', 'sigmoid', 'relu6', 'elu', 'leakyrelu', 'prelu'] as const)(
    'fuses bias and %s',
    async (activation) => {
      for (const biasShape of [undefined, [7], [1, 7], [5, 7], []]) {
        await expectSameOnNative(
          () =>
            tf.fused.matMul({
              a: tensor([5, 33], 1),
              b: tensor([33, 7], 2),
              bias: biasShape && tensor(biasShape, 3),
              activation,
              preluActivationWeights: activation === 'prelu' ? tensor([7], 4) : undefined,
            }),
          TOLERANCE,
        );
      }
    },
  );

  it('has the gradients of the cpu backend', async () => {
    await expectSameOnNative(
      () =>
        tf.grads(((a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(tf.matMul(a, b, false, true)))) as never)([
          tensor([5, 7], 1),
          tensor([3, 7], 2),
        ]),
      TOLERANCE,
    );
  });

  it('leaves int32 to the cpu kernel', async () => {
    await expectSameOnNative(() =>
      tf.matMul(tf.tensor2d([[1, 2]], [1, 2], 'int32'), tf.tensor2d([[3], [4]], [2, 1], 'int32')),
    );
  });

  it('refuses inner sizes that differ', async () => {
    await tf.setBackend('native');
    expect(() => tf.tidy(() => tf.matMul(tensor([2, 3]), tensor([4, 5])))).toThrow('inner shapes (3) and (4)');
  });
});
