import * as tf from '@tensorflow/tfjs-core';
import { LSTM, Random } from '@cadenza/core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Page } from './page.js';

export interface ForecastOptions {
  /** How far ahead to look. */
  horizon?: number;
  epochs?: number;
  units?: number;
  /** The number of values to train on; half as many more are kept unseen. */
  trainLength?: number;
  seed?: number;
  log?: (line: string) => void;
}

export interface Forecast {
  horizon: number;
  /** Root mean squared errors on the unseen part, in units of its standard deviation. */
  errors: { lstm: number; naive: number; mean: number };
  /** The unseen values, and what was forecast for the same times. */
  actual: number[];
  lstm: number[];
  naive: number[];
  losses: number[];
}

/**
 * The series of Mackey and Glass (1977), which models the number of white blood cells and is chaotic:
 * dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t), by Euler's method in steps of 0.1, one value per unit of time.
 *
 * Generated data, not measured: it is exact, the same everywhere, and needs no download.
 */
export function mackeyGlass(length: number, random: Random): number[] {
  const perUnit = 10;
  const delay = 17 * perUnit;
  const history = Array.from({ length: delay + 1 }, () => 1.2 + 0.1 * (random.next() - 0.5));
  const series: number[] = [];
  const settling = 300;
  for (let step = 0; series.length < length; step++) {
    const now = history[history.length - 1];
    const before = history[history.length - 1 - delay];
    history.push(now + ((0.2 * before) / (1 + before ** 10) - 0.1 * now) / perUnit);
    if (step >= settling * perUnit && step % perUnit === 0) series.push(history[history.length - 1]);
  }
  return series;
}

const rootMeanSquare = (values: number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

/**
 * Learns to forecast the series so many steps ahead with an LSTM inside a tf.sequential, and compares it on unseen values with the
 * naive forecast, that nothing changes.
 */
export async function forecastSeries(options: ForecastOptions = {}): Promise<Forecast> {
  const { horizon = 12, epochs = 40, units = 16, trainLength = 2000, seed = 1, log = () => undefined } = options;
  const window = 50;
  const unseen = Math.floor(trainLength / 2);
  const raw = mackeyGlass(trainLength + unseen, new Random(seed));
  // Scaled by the training part alone: the unseen part must not leak into what is learned from.
  const train = raw.slice(0, trainLength);
  const mean = train.reduce((sum, value) => sum + value, 0) / trainLength;
  const deviation = rootMeanSquare(train.map((value) => value - mean));
  const series = raw.map((value) => (value - mean) / deviation);

  const model = tfl.sequential({
    layers: [
      new LSTM({ units, inputShape: [null, 1], returnSequences: true, seed }),
      tfl.layers.dense({ units: 1, kernelInitializer: tfl.initializers.glorotUniform({ seed }) }),
    ],
  });
  const optimizer = tf.train.adam(0.01);
  model.compile({ optimizer, loss: 'meanSquaredError' });
  const starts = Array.from({ length: Math.floor((trainLength - horizon) / window) }, (_, index) => index * window);
  const cut = (offset: number): tf.Tensor3D =>
    tf.tensor3d(
      starts.flatMap((start) => series.slice(start + offset, start + offset + window)),
      [starts.length, window, 1],
    );
  const [x, y] = [cut(0), cut(horizon)];
  // Every step of a window is a target: the change from now, which is zero for the naive forecast.
  const change = tf.sub(y, x);
  const { history } = await model.fit(x, change, {
    ...{ epochs, batchSize: 8, verbose: 0, shuffle: false },
    callbacks: { onEpochEnd: async (epoch, logs) => log(`epoch ${epoch + 1}: loss ${logs!.loss.toFixed(4)}`) },
  });

  // The unseen part is read as one sequence, after a window of what came before it.
  const first = trainLength - window;
  const input = series.slice(first, series.length - horizon);
  const predicted = tf.tidy(() => (model.predict(tf.tensor3d(input, [1, input.length, 1])) as tf.Tensor).dataSync());
  const actual = series.slice(trainLength + horizon);
  const naive = series.slice(trainLength, series.length - horizon);
  const lstm = naive.map((now, index) => now + predicted[window + index]);
  const spread = rootMeanSquare(
    actual.map((value) => value - actual.reduce((sum, other) => sum + other, 0) / actual.length),
  );
  const error = (forecast: number[]): number =>
    rootMeanSquare(forecast.map((value, index) => value - actual[index])) / spread;
  tf.dispose([x, y, change]);
  model.dispose();
  optimizer.dispose();
  return {
    horizon,
    errors: { lstm: error(lstm), naive: error(naive), mean: error(actual.map(() => 0)) },
    ...{ actual, lstm, naive, losses: history.loss as number[] },
  };
}

/** The forecast as a page. */
export function forecastPage({ horizon, errors, actual, lstm, naive }: Forecast): Page {
  const shown = 300;
  return {
    title: `A chaotic series, ${horizon} steps ahead`,
    text: [
      'Generated data: the equation of Mackey and Glass with a delay of 17. The LSTM has seen the first two thirds; errors and ' +
        'curves are of the last third, in units of its standard deviation. The naive forecast says that nothing changes.',
    ],
    charts: [
      {
        title: 'Unseen values and their forecasts',
        ...{ xLabel: 'step', yLabel: 'value', x: actual.slice(0, shown).map((_, index) => index) },
        curves: [
          { label: 'actual', values: actual.slice(0, shown) },
          { label: 'LSTM', values: lstm.slice(0, shown) },
          { label: 'naive', values: naive.slice(0, shown) },
        ],
      },
    ],
    table: [
      ['forecast', 'error / standard deviation'],
      ['LSTM', errors.lstm.toFixed(3)],
      ['naive', errors.naive.toFixed(3)],
      ['mean of the training part', errors.mean.toFixed(3)],
    ],
  };
}
