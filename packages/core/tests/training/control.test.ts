import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  clipByValue,
  clipFactor,
  EarlyStopping,
  NonFiniteGuard,
  TrainingError,
  WeightAverage,
} from '../../src/index.js';
import { Speedometer } from '../../src/training/speedometer.js';

describe('clipping', () => {
  it('by norm scales down to the limit and never up', () => {
    expect(clipFactor(10, 2)).toBe(0.2);
    expect(clipFactor(1, 2)).toBe(1);
    expect(clipFactor(10, undefined)).toBe(1);
  });

  it('by value moves every element into the interval', () => {
    const clipped = clipByValue(new Map([['w', tf.tensor1d([-3, -0.5, 0, 4])]]), 1);
    expect(Array.from(clipped.get('w')!.dataSync())).toEqual([-1, -0.5, 0, 1]);
  });
});

describe('early stopping', () => {
  it('stops after the patience, and an improvement starts it anew', () => {
    const stopping = new EarlyStopping({ patience: 2, minimumDelta: 0.1 });
    const stopped = [3, 2, 1.95, 1.5, 1.6, NaN].map((value) => {
      stopping.observe(value);
      return stopping.shouldStop;
    });
    expect(stopped).toEqual([false, false, false, false, false, true]);
  });

  it('goes on from its state', () => {
    const [first, second] = [new EarlyStopping({ patience: 2 }), new EarlyStopping({ patience: 2 })];
    [1, 2].forEach((value) => first.observe(value));
    second.restore(first.state());
    second.observe(1);
    expect(second.shouldStop).toBe(true);
  });

  it('refuses a patience that is no count', () => {
    expect(() => new EarlyStopping({ patience: 0 })).toThrow(
      'Expected earlyStopping.patience to be a positive integer, got 0',
    );
  });
});

describe('the non-finite guard', () => {
  it('skips, counts, and stops after too many in a row, naming the steps', () => {
    const guard = new NonFiniteGuard({ limit: 3 });
    expect(guard.allows(1, NaN, 1)).toBe(false);
    expect(guard.allows(2, 1, 1)).toBe(true);
    expect(guard.allows(3, 1, Infinity)).toBe(false);
    expect(guard.allows(4, NaN, NaN)).toBe(false);
    expect(guard.skipped).toBe(3);
    expect(() => guard.allows(5, NaN, NaN)).toThrow(TrainingError);
    const again = new NonFiniteGuard({ limit: 3 });
    again.restore({ inARow: 2, total: 3 });
    expect(() => again.allows(5, 1, Infinity)).toThrow(
      'got gradient norm Infinity at step 5 (steps 3 to 5 all failed)',
    );
  });
});

describe('weight averaging', () => {
  const run = (biasCorrected: boolean) => {
    const variable = tf.variable(tf.scalar(10));
    const average = new WeightAverage(new Map([['w', variable]]), { decay: 0.9, biasCorrected });
    for (const value of [1, 2, 3]) {
      variable.assign(tf.scalar(value));
      average.update();
    }
    return { variable, average, value: () => average.state().get('w')!.dataSync()[0] };
  };

  it('is the exponential mean from the initial weights', () => {
    // a = 0.9 (0.9 (0.9 * 10 + 0.1) + 0.2) + 0.3
    expect(run(false).value()).toBeCloseTo(0.729 * 10 + 0.081 * 1 + 0.09 * 2 + 0.1 * 3, 5);
  });

  it('with bias correction is the exponential mean of the updates alone', () => {
    expect(run(true).value()).toBeCloseTo((0.81 * 1 + 0.9 * 2 + 1 * 3) / (0.81 + 0.9 + 1), 5);
  });

  it('is in the parameters while swapped in, and their own values are back after an error too', async () => {
    const { variable, average, value } = run(true);
    const before = tf.memory().numTensors;
    await average.swapIn(() => expect(variable.dataSync()[0]).toBe(value()));
    expect(variable.dataSync()[0]).toBe(3);
    await expect(average.swapIn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(variable.dataSync()[0]).toBe(3);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('goes on from its state bit for bit, and leaks nothing', () => {
    const { variable, average } = run(true);
    const before = tf.memory().numTensors;
    const other = new WeightAverage(new Map([['w', variable]]), { decay: 0.9 });
    other.restore(average.state(), average.updates);
    variable.assign(tf.tidy(() => tf.scalar(7)));
    for (const each of [average, other]) each.update();
    expect(other.state().get('w')!.dataSync()).toEqual(average.state().get('w')!.dataSync());
    other.dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it('refuses a decay of 1', () => {
    expect(() => new WeightAverage(new Map(), { decay: 1 })).toThrow(
      'Expected average.decay to be a number of [0, 1), got 1',
    );
  });
});

describe('the speedometer', () => {
  it('shows the median of the last steps', () => {
    const speed = new Speedometer(3);
    expect(speed.median).toBe(0);
    for (const seconds of [100, 1, 2, 4]) speed.record(8, seconds);
    expect(speed.median).toBe(4);
    speed.record(8, 1);
    expect(speed.median).toBe(4);
  });
});
