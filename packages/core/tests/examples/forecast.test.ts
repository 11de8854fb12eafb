import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { forecastPage, forecastSeries, mackeyGlass } from '../../examples/forecast.js';
import { Random } from '../../src/index.js';

beforeAll(() => tf.setBackend('cpu'));

describe('The forecast', () => {
  it('is of a series that stays in bounds, never settles and depends on where it starts', () => {
    const series = mackeyGlass(600, new Random(1));
    expect(Math.min(...series)).toBeGreaterThan(0.2);
    expect(Math.max(...series)).toBeLessThan(1.5);
    const late = series.slice(300);
    expect(Math.max(...late) - Math.min(...late)).toBeGreaterThan(0.5);
    expect(mackeyGlass(600, new Random(2))[599]).not.toBeCloseTo(series[599], 2);
  });

  it('of unseen values beats the naive one and the mean by far', async () => {
    const { errors, actual, lstm, naive } = await forecastSeries({ epochs: 15 });
    expect([lstm.length, naive.length]).toEqual([actual.length, actual.length]);
    expect(errors.lstm).toBeLessThan(0.3 * errors.naive);
    expect(errors.lstm).toBeLessThan(0.4 * errors.mean);
  });

  it('leaks nothing and fits a page', async () => {
    await forecastSeries({ epochs: 1, trainLength: 200 });
    const before = tf.memory().numTensors;
    const forecast = await forecastSeries({ epochs: 1, trainLength: 200 });
    expect(tf.memory().numTensors).toBe(before);
    expect(forecastPage(forecast).charts[0].curves.map(({ label }) => label)).toEqual(['actual', 'LSTM', 'naive']);
  });
});
