import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import { benchLanguageModel, profileLanguageModel } from '../src/bench.js';
import { isBuilt } from './onBoth.js';

const SIZE = { hidden: 16, batch: 4, steps: 6, symbols: 11 };

describe.skipIf(!isBuilt)('the language model benchmark', () => {
  it('measures training steps, profiles them, and leaves nothing behind', async () => {
    await tf.setBackend('native');
    const before = tf.memory().numTensors;
    expect(benchLanguageModel(SIZE, { seconds: 0.05 }).tokensPerSecond).toBeGreaterThan(0);
    const profile = profileLanguageModel(SIZE, { seconds: 0.05 });
    expect(tf.memory().numTensors).toBe(before);
    const calls = Object.fromEntries(profile.kernels.map(({ name, calls }) => [name, calls]));
    expect(calls).toMatchObject({
      lstmForward: 2,
      lstmBackward: 2,
      softmaxCrossEntropyForward: 1,
      softmaxCrossEntropyBackward: 1,
    });
    expect(profile.outsideShare).toBeGreaterThan(0);
    expect(profile.outsideShare).toBeLessThan(1);
  });

  it('profiles the native backend only', async () => {
    await tf.setBackend('cpu');
    expect(() => profileLanguageModel(SIZE)).toThrow('Expected the native backend to be active');
    await tf.setBackend('native');
  });
});
