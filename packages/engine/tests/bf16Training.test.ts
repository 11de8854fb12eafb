import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { lstm } from '@cadenza/core';
import { loadAddon } from '../src/addon.js';
import { isBuilt } from './onBoth.js';
import { trainOnText } from './trainOnText.js';

const addon = loadAddon().addon;
const hasBf16 = ['amxbf16', 'avx512bf16'].find((name) => addon?.setIsa(name));
addon?.setIsa('');

/** Means of so many neighbouring losses. */
function windows(losses: number[], size: number): number[] {
  return Array.from({ length: losses.length / size }, (_, i) => {
    const part = losses.slice(i * size, (i + 1) * size);
    return part.reduce((sum, loss) => sum + loss, 0) / size;
  });
}

describe.skipIf(!isBuilt || !hasBf16)('training with bf16 operands', () => {
  afterAll(() => void addon?.setIsa(''));

  it.each(['lstm', 'gru', 'rnn'] as const)('learns a text as float32 does: %s', async (cell) => {
    await tf.setBackend('native');
    const text = readFileSync(new URL('../../../LICENSE', import.meta.url), 'utf8');
    const learn = (isa: string) => {
      expect(addon!.setIsa(isa)).toBe(true);
      return windows(trainOnText(text, { cell, hidden: 64, batch: 8, steps: 32, updates: 300 }), 50);
    };
    const [float32, bf16] = [learn('avx512'), learn(hasBf16!)];
    expect(bf16).not.toEqual(float32);
    expect(float32.at(-1)! / float32[0]).toBeLessThan(0.7);
    // Rounding to 8 bits is noise that does not add up: the quality asked of bf16 is a loss within 0.5 % of float32's in the end,
    // and on the way the two may be some updates apart.
    bf16.forEach((loss, i) => expect(Math.abs(loss / float32[i] - 1)).toBeLessThan(0.01));
    expect(Math.abs(bf16.at(-1)! / float32.at(-1)! - 1)).toBeLessThan(0.005);
  });

  it.each([
    ['avx512', hasBf16],
    [hasBf16, 'avx512'],
  ])('finds the gradient by %s after another precision’s forward pass, %s', async (backward, forward) => {
    await tf.setBackend('native');
    const [B, T, D, H] = [3, 4, 5, 8];
    const random = (shape: number[], seed: number): tf.Tensor => tf.randomUniform(shape, -1, 1, 'float32', seed);
    const gradient = (first: string, second: string): Float32Array =>
      tf.tidy(() => {
        const [x, kernel, bias] = [random([B, T, D], 1), random([D, 4 * H], 2), random([4 * H], 4)];
        addon!.setIsa(first);
        const loss = (recurrentKernel: tf.Tensor): tf.Tensor => {
          const sum = tf.sum(lstm({ x, kernel, recurrentKernel, bias }).outputs);
          addon!.setIsa(second);
          return sum;
        };
        return tf
          .grad(loss)(random([H, 4 * H], 3))
          .dataSync() as Float32Array;
      });
    const [mixed, pure] = [gradient(forward!, backward!), gradient('avx512', 'avx512')];
    tf.test_util.expectArraysClose(mixed, pure, 0.02);
    expect(Math.max(...mixed.map(Math.abs))).toBeGreaterThan(0.1);
  });
});
