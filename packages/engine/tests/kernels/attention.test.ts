import { afterEach, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { attention, topLogProbabilities, type AttentionOpOptions } from '@cadenza/core';
import { loadAddon } from '../../src/addon.js';
import { expectSameOnNative, isBuilt, nativeBackends, tensor } from '../onBoth.js';

// Sums of up to 65 products in float32, in another order than JavaScript's float64 sums.
const TOLERANCE = 1e-5;
// Weights and gradients of scores rounded to 8 bits, in sums of up to 33.
const BF16_TOLERANCE = 5e-2;

const integers = (values: number[], shape: number[]) => tf.tensor(Int32Array.from(values), shape, 'int32');
const addon = loadAddon().addon;
const available = ['amxbf16', 'avx512bf16', 'avx512', 'avx2', 'baseline'].filter((name) => addon?.setIsa(name));
addon?.setIsa('');

const SCORES = [
  ['dot', {}],
  ['dot', { scale: 0.3 }],
  ['additive', {}],
] as const;

type Sizes = [B: number, T: number, S: number, H: number, C: number];

/** Context, weights and all gradients of attention, masked or not, through the weights too or not. */
function everything([B, T, S, H, C]: Sizes, options: AttentionOpOptions, lengths?: number[]): tf.Tensor[] {
  // Heads of H and C numbers each.
  const { heads = 1 } = options;
  [H, C] = [H * heads, C * heads];
  const inputs = [tensor([B, T, H], 1), tensor([B, S, H], 2), tensor([B, S, C], 3)];
  if (options.score === 'additive') inputs.push(tensor([H], 4));
  const run = ([query, keys, values, vector]: tf.Tensor[]) =>
    attention(query, keys, values, { ...options, vector, lengths: lengths && integers(lengths, [B]) });
  const loss = (...given: tf.Tensor[]) => {
    const { context, weights } = run(given);
    return tf.add(tf.sum(tf.mul(context, tensor([B, T, C], 5))), tf.sum(tf.mul(weights, tensor([B, T, S], 6))));
  };
  return [...Object.values(run(inputs)), ...tf.grads(loss as (...given: tf.Tensor[]) => tf.Scalar)(inputs)];
}

describe.skipIf(!isBuilt)('native attention', () => {
  afterEach(() => void addon?.setIsa(''));

  it.each(SCORES)('by %s with %o equals the generic kernel, gradients included', async (score, options) => {
    for (const sizes of [
      [1, 1, 1, 1, 1],
      [3, 7, 5, 33, 17],
      [2, 33, 7, 7, 65],
      [5, 1, 33, 16, 1],
    ] as Sizes[]) {
      for (const needWeightsGradient of [false, true]) {
        const given = { score, ...options, needWeightsGradient };
        await expectSameOnNative(() => everything(sizes, given), TOLERANCE);
        await expectSameOnNative(() => everything(sizes, { ...given, heads: 3 }), TOLERANCE);
        const lengths = Array.from({ length: sizes[0] }, (_, b) => (b * 3 + 2) % (sizes[2] + 1));
        await expectSameOnNative(() => everything(sizes, given, lengths), TOLERANCE);
        await expectSameOnNative(() => everything(sizes, { ...given, heads: 2 }, lengths), TOLERANCE);
      }
    }
  });

  it.each(available)('equals it with %s', async (isa) => {
    expect(addon!.setIsa(isa)).toBe(true);
    for (const [score, options] of SCORES) {
      for (const heads of [1, 2]) {
        const compute = () => everything([2, 14, 33, 65, 31], { score, ...options, heads }, [33, 20]);
        await expectSameOnNative(compute, isa.endsWith('bf16') ? BF16_TOLERANCE : TOLERANCE);
      }
    }
  });

  it.each(nativeBackends)('reads nothing of the padding on %s', async (backend) => {
    await tf.setBackend(backend);
    tf.tidy(() => {
      const [B, T, S, H] = [2, 3, 5, 40];
      const run = (fill: number) => {
        const counts = tf.tensor3d([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [B, S, 1], 'bool');
        const [keys, values] = [7, 8].map((seed) => tf.where(counts, tensor([B, S, H], seed), tf.scalar(fill)));
        const lengths = integers([2, 0], [B]);
        const loss = (query: tf.Tensor, keys: tf.Tensor, values: tf.Tensor) =>
          tf.sum(tf.square(attention(query, keys, values, { score: 'dot', lengths }).context));
        return tf
          .grads(loss)([tensor([B, T, H], 9), keys, values])
          .map((gradient) => [...gradient.dataSync()]);
      };
      const clean = run(0);
      expect(run(NaN)).toEqual(clean);
      expect(clean.flat().every(Number.isFinite)).toBe(true);
    });
  });

  it.each(nativeBackends)('refuses lengths beyond the positions on %s, naming them', async (backend) => {
    await tf.setBackend(backend);
    const lengths = integers([1, 4], [2]);
    const before = tf.engine().backend.numDataIds();
    const [query, keys] = [tensor([2, 1, 300]), tensor([2, 3, 300])];
    expect(() => tf.tidy(() => attention(query, keys, keys, { score: 'dot', lengths }))).toThrow(
      'Expected lengths to be of [0, 4), got 4 at position 1',
    );
    tf.dispose([query, keys]);
    expect(tf.engine().backend.numDataIds()).toBe(before);
    lengths.dispose();
  });
});

describe.skipIf(!isBuilt)('native topLogProbabilities', () => {
  it.each([
    [1, 1, 1],
    [7, 33, 5],
    [33, 1031, 20],
    [3, 129, 129],
  ])('equals the generic kernel over %i rows of %i for k = %i', async (N, V, k) => {
    await expectSameOnNative(() => {
      const { values, ids } = topLogProbabilities(tensor([N, V], 1, 12), k);
      // Rounded, so that many logits are equal.
      const equal = topLogProbabilities(tf.round(tensor([N, V], 2, 3)), k);
      return [values, ids, equal.values, equal.ids];
    }, 3e-6);
  });

  it('equals it where classes are banned, rows are empty or hold NaN', async () => {
    await expectSameOnNative(() => {
      const rows = [
        [-Infinity, 0, -Infinity, 0, 1],
        [-Infinity, -Infinity, -Infinity, -Infinity, -Infinity],
        [0, 1, NaN, 2, 3],
        [0, 1, Infinity, 2, 3],
        [1000, -1000, 1000, 0, 999],
      ];
      const { values, ids } = topLogProbabilities(tf.tensor2d(rows), 4);
      return [values, ids];
    }, 3e-6);
  });
});
