import { afterEach, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { ctcLoss, type CtcLossOptions } from '@cadenza/core';
import { loadAddon } from '../../src/addon.js';
import { expectSameOnNative, isBuilt, nativeBackends, tensor } from '../onBoth.js';

// Exponentials by a float32 polynomial, of logits from which the greatest is taken in float32, against float64.
const TOLERANCE = 2e-6;

const integers = (values: number[], shape: number[]) => tf.tensor(Int32Array.from(values), shape, 'int32');
const addon = loadAddon().addon;
const available = ['avx512', 'avx2', 'baseline'].filter((name) => addon?.setIsa(name));
addon?.setIsa('');

type Sizes = [B: number, F: number, V: number, L: number];

/** Lengths of all kinds, the full ones and none among them, and labels that repeat. */
function rows([B, F, V, L]: Sizes, blank: number) {
  const classes = Array.from({ length: V }, (_, v) => v).filter((v) => v !== blank);
  const labels = Array.from({ length: B * L }, (_, i) => classes[(i >> 1) % classes.length]);
  const frameLengths = Array.from({ length: B }, (_, b) => Math.max(0, F - 3 * b));
  const labelLengths = Array.from({ length: B }, (_, b) => (b * 2 + L) % (L + 1));
  return [integers(labels, [B, L]), integers(frameLengths, [B]), integers(labelLengths, [B])] as const;
}

/** Losses, those of a call that needs no gradient too, and the gradient. */
function everything(sizes: Sizes, options: CtcLossOptions = {}, scale = 4): tf.Tensor[] {
  const [labels, frameLengths, labelLengths] = rows(sizes, options.blank ?? 0);
  const logits = tensor(sizes.slice(0, 3), 1, scale);
  const losses = (logits: tf.Tensor) => ctcLoss(logits, labels, frameLengths, labelLengths, options);
  const gradient = tf.grad((logits) => tf.sum(tf.mul(losses(logits), tensor([sizes[0]], 2))))(logits);
  return [losses(logits), gradient];
}

describe.skipIf(!isBuilt)('the native CTC loss', () => {
  afterEach(() => void addon?.setIsa(''));

  it.each<Sizes>([
    [1, 1, 2, 1],
    [1, 1, 2, 0],
    [7, 7, 5, 3],
    [3, 33, 7, 16],
    [2, 65, 33, 31],
    [4, 1, 1033, 1],
  ])('equals the generic kernel, gradient included: B %i, F %i, V %i, L %i', async (...sizes) => {
    await expectSameOnNative(() => everything(sizes), TOLERANCE);
    await expectSameOnNative(() => everything(sizes, { blank: sizes[2] - 1, zeroInfinity: true }), TOLERANCE);
  });

  it.each(available)('equals it with %s', async (isa) => {
    expect(addon!.setIsa(isa)).toBe(true);
    await expectSameOnNative(() => everything([5, 41, 29, 13], {}, 1), TOLERANCE);
  });

  it('equals it where probabilities leave the range of float64', async () => {
    // exp(-200) in most frames for every label: alpha falls below 1e-308 many times over.
    await expectSameOnNative(() => everything([2, 60, 6, 20], {}, 200), 3e-5);
  });

  it('equals it where there are no rows, no frames or no labels', async () => {
    for (const [B, F, L] of [
      [0, 3, 2],
      [2, 0, 0],
      [2, 0, 3],
      [2, 3, 0],
    ]) {
      await expectSameOnNative(() => everything([B, F, 4, L]), TOLERANCE);
    }
  });

  it.each(nativeBackends)('refuses labels and lengths as the generic kernel does, on %s', async (backend) => {
    const refusals = async (backend: string) => {
      await tf.setBackend(backend);
      const logits = tf.ones([2, 4, 3]);
      const attempt = (labels: number[], frames: number[], lengths: number[]) => {
        const before = tf.memory().numTensors;
        let message = '';
        try {
          tf.tidy(() =>
            ctcLoss(logits, integers(labels, [2, 2]), integers(frames, [2]), integers(lengths, [2])).dataSync(),
          );
        } catch (error) {
          message = `${(error as Error).name}: ${(error as Error).message}`;
        }
        expect(tf.memory().numTensors).toBe(before);
        return message;
      };
      const messages = [
        attempt([1, 2, 1, -1], [4, 4], [2, 2]),
        attempt([1, 2, 0, 1], [4, 4], [2, 2]),
        attempt([1, 2, 3, 1], [4, 4], [2, 1]),
        attempt([1, 2, 1, 1], [4, 5], [2, 1]),
        attempt([1, 2, 1, 1], [4, 4], [3, 1]),
      ];
      logits.dispose();
      return messages;
    };
    const expected = await refusals('cpu');
    expect(expected.every((message) => message.includes('Expected '))).toBe(true);
    expect(await refusals(backend)).toEqual(expected);
  });
});
