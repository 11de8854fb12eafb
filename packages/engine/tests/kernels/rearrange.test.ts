import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import { expectSameOnNative, isBuilt, nativeBackends, tensor } from '../onBoth.js';
import { shape } from '../arbitraries.js';

describe.skipIf(!isBuilt)('the native rearrangements', () => {
  it('transpose any axes as the cpu backend does', async () => {
    const cases = shape(5).chain((lengths) => {
      const axes = lengths.map((_, axis) => axis);
      return fc.tuple(
        fc.constant(lengths),
        fc.shuffledSubarray(axes, { minLength: axes.length, maxLength: axes.length }),
      );
    });
    await fc.assert(
      fc.asyncProperty(cases, ([lengths, perm]) => expectSameOnNative(() => tf.transpose(tensor(lengths), perm), 0)),
      { numRuns: 80 },
    );
  });

  it('slice any box as the cpu backend does', async () => {
    const cases = shape(4)
      .filter((lengths) => lengths.length > 0)
      .chain((lengths) =>
        fc.tuple(fc.constant(lengths), fc.tuple(...lengths.map((length) => fc.tuple(fc.nat(length), fc.nat(length))))),
      );
    await fc.assert(
      fc.asyncProperty(cases, ([lengths, ends]) =>
        expectSameOnNative(() => {
          const begin = ends.map(([a, b]) => Math.min(a, b));
          const size = ends.map(([a, b]) => Math.abs(a - b));
          return tf.slice(tensor(lengths), begin, size);
        }, 0),
      ),
      { numRuns: 80 },
    );
  });

  it('concatenate along any axis as the cpu backend does, empty parts among them', async () => {
    const cases = shape(3)
      .filter((lengths) => lengths.length > 0)
      .chain((lengths) =>
        fc.tuple(
          fc.constant(lengths),
          fc.nat(lengths.length - 1),
          fc.array(fc.constantFrom(0, 1, 2, 5), { minLength: 1, maxLength: 4 }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(cases, ([lengths, axis, widths]) =>
        expectSameOnNative(
          () =>
            tf.concat(
              widths.map((width, i) => tensor(lengths.with(axis, width), i + 1)),
              axis,
            ),
          0,
        ),
      ),
      { numRuns: 60 },
    );
  });

  it('split, stack, unstack, pad, tile, reverse and gather as the cpu backend does', async () => {
    await expectSameOnNative(() => {
      const x = tensor([6, 5, 7], 1) as tf.Tensor3D;
      const ids = tf.tensor1d([5, 0, 0, 3], 'int32');
      return [
        ...tf.split(x, 3, 0),
        tf.stack([x, x], 1),
        ...tf.unstack(x, 2),
        tf.pad(x, [
          [1, 0],
          [0, 2],
          [1, 1],
        ]),
        tf.tile(x, [1, 2, 1]),
        tf.reverse(x, [0, 2]),
        tf.gather(x, ids, 0),
        tf.gather(x, tf.tensor1d([4, 1], 'int32'), 1),
        tf.unsortedSegmentSum(x, tf.tensor1d([0, 2, 2, 1, 0, 2], 'int32'), 4),
        tf.unsortedSegmentSum(x, tf.tensor1d([0, 2, -1, 1, 0, 9], 'int32'), 4),
      ];
    }, 1e-6);
  });

  it.each(nativeBackends)('on %s refuse to sum rows by ids that are more or fewer', async (name) => {
    await tf.setBackend(name);
    const x = tensor([4, 3]);
    for (const ids of [[0], [0, 1, 1], [0, 1, 1, 0, 9]]) {
      expect(() => tf.tidy(() => tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), 2))).toThrow(
        `Expected segmentIds to be of shape [4] for x of shape [4,3], got [${ids.length}]`,
      );
    }
    x.dispose();
  });

  it.each(nativeBackends)('on %s sum rows by ids so that NaN reaches its own segment only', async (name) => {
    await tf.setBackend(name);
    tf.tidy(() => {
      const x = tf.tensor2d([1, 2, NaN, Infinity, 3, 4, NaN, NaN], [4, 2]);
      const sums = (ids: number[]): number[] =>
        Array.from(tf.unsortedSegmentSum(x, tf.tensor1d(ids, 'int32'), 3).dataSync());
      expect(sums([0, 1, 0, 1])).toEqual([4, 6, NaN, NaN, 0, 0]);
      expect(sums([0, 1, 0, -1])).toEqual([4, 6, NaN, Infinity, 0, 0]);
      expect(sums([0, 7, 0, -1])).toEqual([4, 6, 0, 0, 0, 0]);
    });
  });

  it('fill and cast as the cpu backend does', async () => {
    await expectSameOnNative(() => {
      const x = tf.tensor1d([1.9, -1.9, 0, -0.4, 2e9, 255]);
      const n = tf.tensor1d([3, -2, 0], 'int32');
      const b = tf.tensor1d([true, false, true], 'bool');
      return [
        tf.fill([3, 5], 2.5),
        tf.fill([2], 3, 'int32'),
        tf.zerosLike(x),
        tf.onesLike(x),
        tf.zerosLike(n),
        tf.cast(x, 'int32'),
        tf.cast(x, 'bool'),
        tf.cast(n, 'float32'),
        tf.cast(b, 'float32'),
        tf.cast(b, 'int32'),
        tf.cast(x, 'float32'),
        tf.tanh(tf.cast(n, 'float32')),
      ].map((result) => (result.dtype === 'float32' ? tf.mul(result, 1) : result));
    }, 2e-6);
  });

  it('compute with complex numbers as the cpu backend does', async () => {
    await expectSameOnNative(() => {
      const z = tf.complex(tensor([4, 8], 1), tensor([4, 8], 2));
      return [tf.real(tf.mul(z, z)), tf.imag(tf.spectral.fft(z)), tf.abs(z)];
    }, 1e-6);
  });
});
