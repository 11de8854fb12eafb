import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, Random, RecurrentLanguageModel, type LanguageModelOptions, type State } from '../../src/index.js';

const [B, T, V] = [2, 3, 7];
const tiny: LanguageModelOptions = { vocabularySize: V, hiddenSize: 5, embeddingSize: 4, layers: 2 };

let ids: tf.Tensor2D;
let targets: tf.Tensor2D;

beforeAll(async () => {
  await tf.setBackend('cpu');
  ids = tf.tensor2d([0, 3, 6, 2, 2, 5], [B, T], 'int32');
  targets = tf.tensor2d([3, 6, 1, 2, 5, -1], [B, T], 'int32');
});

const model = (options: Partial<LanguageModelOptions> = {}, seed = 1) =>
  new RecurrentLanguageModel({ ...tiny, ...options }, new Random(seed));

/** States that are not zero, so that their gradients and effects are seen. */
const someState = (of: RecurrentLanguageModel): State =>
  of.stateSizes.map((size, index) => tf.randomNormal([B, size], 0, 0.5, 'float32', index + 1));

const variants: [string, Partial<LanguageModelOptions>][] = [
  ['an LSTM', {}],
  ['a GRU straight from one-hot tokens', { cell: 'gru', embeddingSize: 0 }],
  ['an RNN', { cell: 'rnn', layers: 1 }],
  ['tied weights behind a projection', { tieWeights: true }],
  ['tied weights of the same size', { tieWeights: true, embeddingSize: 5 }],
  ['layer norm, zoneout and projection', { layerNorm: true, zoneout: { hidden: 0.2, cell: 0.1 }, projectionSize: 3 }],
  ['residual connections, all layers at the output', { residual: true, skipToOutput: true, layers: 3 }],
  [
    'every dropout',
    {
      dropout: { input: 0.2, between: 0.3, output: 0.3, recurrent: 0.2, embedding: 0.2, weight: 0.3 },
      variational: true,
    },
  ],
  ['dropout that changes with every step', { cell: 'gru', dropout: { input: 0.2, between: 0.3, output: 0.3 } }],
];

describe.each(variants)('A language model with %s', (_name, options) => {
  it('gives the same logits step by step as for the whole sequence', () => {
    const m = model(options);
    let state = someState(m);
    const whole = m.forward(ids, state);
    const rows: tf.Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const step = m.step(tf.reshape(tf.slice(ids, [0, t], [B, 1]), [B]), state);
      expect(step.logits.shape).toEqual([B, V]);
      rows.push(step.logits);
      state = step.state;
    }
    // float32 sums in another order
    tf.test_util.expectArraysClose(tf.stack(rows, 1).dataSync(), whole.logits.dataSync(), 1e-5);
    state.forEach((tensor, index) =>
      tf.test_util.expectArraysClose(tensor.dataSync(), whole.state[index].dataSync(), 1e-5),
    );
  });

  it('has the gradients that finite differences have, in training', () => {
    const m = model(options);
    const state = someState(m);
    const loss = (): tf.Scalar => m.loss(ids, targets, state, { training: true, random: new Random(5) }).loss;
    const { grads } = tf.variableGrads(loss, [...m.parameters.values()]);
    const random = new Random(2);
    for (const [name, variable] of m.parameters) {
      const gradient = grads[variable.name].dataSync();
      const values = variable.dataSync().slice();
      const at = (index: number, value: number): number => {
        const moved = values.slice();
        moved[index] = value;
        variable.assign(tf.tensor(moved, variable.shape));
        return loss().dataSync()[0];
      };
      for (let check = 0; check < 4; check++) {
        const index = random.integer(values.length);
        const step = 0.002;
        const difference = (at(index, values[index] + step) - at(index, values[index] - step)) / (2 * step);
        // float32 losses of size 2 over a distance of 0.004: rounding of 1e-4, and layer norm curves
        expect(Math.abs(gradient[index] - difference), `${name}[${index}]`).toBeLessThan(5e-4);
      }
      variable.assign(tf.tensor(values, variable.shape));
    }
  });

  it('is made again from its configuration, and from the same seed with the same weights', () => {
    const m = model(options);
    const copy = RecurrentLanguageModel.fromJSON(JSON.parse(JSON.stringify(m)), new Random(1));
    expect(copy.toJSON()).toEqual(m.toJSON());
    expect([...copy.parameters.keys()]).toEqual([...m.parameters.keys()]);
    for (const [name, variable] of m.parameters)
      expect(copy.parameters.get(name)!.dataSync()).toEqual(variable.dataSync());
    const other = [...model(options, 2).parameters.values()][0];
    expect(other.dataSync()).not.toEqual([...m.parameters.values()][0].dataSync());
  });

  it('leaks nothing', () => {
    const before = tf.memory().numTensors;
    const m = model(options);
    const state = m.initialState(B);
    const training = { training: true, random: new Random(1) };
    tf.dispose(m.forward(ids, state));
    tf.dispose(m.loss(ids, targets, state, training));
    tf.dispose(m.step(tf.tensor1d([0, 1], 'int32'), state));
    tf.dispose(m.trace(ids, state) as unknown as tf.TensorContainer);
    tf.dispose(
      tf.variableGrads(() =>
        tf.tidy(() => m.loss(ids, targets, state, training).loss),
      ) as unknown as tf.TensorContainer,
    );
    tf.dispose(state);
    m.dispose();
    // The one id tensor made above.
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});

describe('A language model', () => {
  it('knows its parameters by stable names in a fixed order', () => {
    const names = (options: Partial<LanguageModelOptions>) => [...model(options).parameters.keys()];
    expect(names({ layers: 2 })).toEqual([
      'embedding',
      ...[0, 1].flatMap((layer) => ['kernel', 'recurrentKernel', 'bias'].map((weight) => `layers.${layer}.${weight}`)),
      'output.kernel',
      'output.bias',
    ]);
    expect(names({ layers: 1, layerNorm: true, projectionSize: 3, embeddingSize: 0 })).toEqual([
      ...['kernel', 'recurrentKernel', 'bias', 'normInput', 'normRecurrent', 'normCell', 'projection'].map(
        (weight) => `layers.0.${weight}`,
      ),
      'output.kernel',
      'output.bias',
    ]);
    expect(names({ layers: 1, tieWeights: true })).toEqual([
      ...['embedding', 'layers.0.kernel', 'layers.0.recurrentKernel', 'layers.0.bias'],
      ...['output.projection', 'output.bias'],
    ]);
    const m = model({ layers: 1 });
    expect(m.parameterCount).toBe(V * 4 + 4 * 20 + 5 * 20 + 20 + 5 * V + V);
  });

  it('starts near the loss of a guess', () => {
    const m = model({ hiddenSize: 20 });
    const { loss, losses } = m.loss(ids, targets, m.initialState(B));
    expect(losses.shape).toEqual([B * T]);
    // The mean is over the five targets that count.
    expect(loss.dataSync()[0]).toBeCloseTo(tf.sum(losses).dataSync()[0] / 5, 5);
    expect(Math.abs(loss.dataSync()[0] - Math.log(V))).toBeLessThan(0.5);
  });

  it('overfits a pattern of ten tokens', () => {
    const pattern = [0, 1, 2, 0, 3, 1, 4, 0, 5, 6];
    const m = model({ cell: 'lstm', hiddenSize: 16, embeddingSize: 8, layers: 1 });
    const input = tf.tensor2d([pattern.slice(0, -1)], [1, 9], 'int32');
    const output = tf.tensor2d([pattern.slice(1)], [1, 9], 'int32');
    const optimizer = tf.train.adam(0.03);
    const state = m.initialState(1);
    const variables = [...m.parameters.values()];
    for (let step = 0; step < 60; step++) {
      optimizer.minimize(() => m.loss(input, output, state, { training: true }).loss, false, variables)?.dispose();
    }
    expect(m.loss(input, output, state).loss.dataSync()[0]).toBeLessThan(0.05);
    let next = m.step(tf.tensor1d([pattern[0]], 'int32'), state);
    const written = [pattern[0]];
    for (let t = 1; t < pattern.length; t++) {
      written.push(tf.argMax(next.logits, 1).dataSync()[0]);
      next = m.step(tf.tensor1d([written[t]], 'int32'), next.state);
    }
    expect(written).toEqual(pattern);
  });

  it('reads a text in two parts as it reads the whole', () => {
    const m = model();
    const first = m.forward(tf.slice(ids, [0, 0], [B, 2]), m.initialState(B));
    const second = m.forward(tf.slice(ids, [0, 2], [B, 1]), first.state);
    const whole = m.forward(ids, m.initialState(B));
    const last = tf.gather(whole.logits, tf.tensor1d([T - 1, 2 * T - 1], 'int32'));
    tf.test_util.expectArraysClose(second.logits.dataSync(), last.dataSync(), 1e-6);
  });

  it('draws dropouts from the generator it is given, and none in evaluation', () => {
    const rates = { input: 0.5, between: 0.5, output: 0.5, recurrent: 0.5, embedding: 0.3, weight: 0.5 };
    for (const name of Object.keys(rates) as (keyof typeof rates)[]) {
      const m = model({ dropout: { [name]: rates[name] } });
      const run = (training: boolean, seed: number) =>
        Array.from(m.forward(ids, m.initialState(B), { training, random: new Random(seed) }).logits.dataSync());
      expect(run(true, 1), name).toEqual(run(true, 1));
      expect(run(true, 1), name).not.toEqual(run(true, 2));
      expect(run(false, 1), name).toEqual(run(false, 2));
    }
  });

  it('forgets whole tokens in embedding dropout', () => {
    const m = model({ dropout: { embedding: 0.5 }, layers: 1 });
    const { grads } = tf.variableGrads(() => {
      const every = tf.reshape(tf.range(0, V, 1, 'int32'), [1, V]) as tf.Tensor2D;
      return tf.sum(
        tf.square(m.forward(every, m.initialState(1), { training: true, random: new Random(3) }).logits),
      ) as tf.Scalar;
    });
    const rows = grads[m.parameters.get('embedding')!.name].arraySync() as number[][];
    const dropped = rows.filter((row) => row.every((value) => value === 0)).length;
    expect(dropped).toBeGreaterThan(0);
    expect(dropped).toBeLessThan(V);
    expect(rows.filter((row) => row.some((value) => value === 0))).toHaveLength(dropped);
  });

  it('shows the gates of every layer', () => {
    const m = model();
    const traces = m.trace(ids, m.initialState(B));
    expect(traces.map((trace) => Object.keys(trace).join(''))).toEqual(['ifgoch', 'ifgoch']);
    expect(traces[1].c.shape).toEqual([B, T, 5]);
  });

  it.each<[object, string]>([
    [{ vocabularySize: 0 }, 'Expected vocabularySize to be a positive integer, got 0'],
    [{ hiddenSize: -3 }, 'Expected hiddenSize to be a positive integer, got -3'],
    [{ embeddingSize: NaN }, 'Expected embeddingSize to be an integer of at least 0, got NaN'],
    [{ layers: 1.5 }, 'Expected layers to be a positive integer, got 1.5'],
    [{ cell: 'transformer' }, 'Expected cell to be rnn or gru or lstm, got "transformer"'],
    [{ hidenSize: 3 }, 'Expected an option that RecurrentLanguageModel knows, got hidenSize; did you mean hiddenSize?'],
    [{ dropout: { recurent: 0.1 } }, 'Expected an option that dropout knows, got recurent; did you mean recurrent?'],
    [{ dropout: { output: 1 } }, 'Expected dropout.output to be a number of [0, 1), got 1'],
    [{ embeddingSize: 0, dropout: { input: 0.1 } }, 'Expected dropout.input to be 0 where embeddingSize is 0, got 0.1'],
    [{ embeddingSize: 0, dropout: { embedding: 0.1 } }, 'Expected dropout.embedding to be 0 where embeddingSize is 0'],
    [{ embeddingSize: 0, tieWeights: true }, 'Expected tieWeights to be false without an embedding'],
    [{ cell: 'gru', projectionSize: 3 }, 'Expected projectionSize to be 0 for gru, got 3'],
    [{ cell: 'rnn', zoneout: { cell: 0.1 } }, 'Expected zoneout.cell to be 0 for rnn, got 0.1'],
    [{ zoneout: { cel: 0.1 } }, 'got cel; did you mean cell?'],
  ])('refuses %j', (options, text) => {
    expect(() => model(options)).toThrow(ConfigError);
    expect(() => model(options)).toThrow(text);
  });

  it('names an id that is not in its vocabulary, and targets of another shape', () => {
    const m = model();
    expect(() => m.forward(tf.tensor2d([[0, V]], [1, 2], 'int32'), m.initialState(1))).toThrow(
      /\[0, 7\), got 7 at position 1/,
    );
    expect(() => m.loss(ids, tf.zeros([B, T + 1], 'int32'), m.initialState(B))).toThrow(
      'Expected targets to have shape [2, 3], got [2, 4]',
    );
  });

  it('refuses an option of a pass that it does not know', () => {
    const m = model();
    const misspelt = { train: true } as never;
    expect(() => m.forward(ids, m.initialState(B), misspelt)).toThrow(
      'Expected an option that forward knows, got train; did you mean training?',
    );
    expect(() => m.loss(ids, targets, m.initialState(B), misspelt)).toThrow(/loss knows, got train/);
  });
});
