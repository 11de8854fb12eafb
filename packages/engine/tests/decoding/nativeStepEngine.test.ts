import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import {
  drawTokens,
  findStepEngine,
  Random,
  RecurrentLanguageModel,
  referenceStepEngine,
  unpackMatrix,
  type LanguageModelOptions,
  type SampleRequest,
  type StepModel,
  type StepSession,
  type WeightFormat,
} from '@cadenza/core';
import { requireAddon } from '../../src/addon.js';
import { nativeBackends } from '../onBoth.js';

const V = 11;
const small: LanguageModelOptions = { vocabularySize: V, embeddingSize: 7, hiddenSize: 33, layers: 2 };
const models: [string, LanguageModelOptions][] = [
  ['an LSTM', small],
  ['an LSTM that reads one-hot tokens', { ...small, embeddingSize: 0 }],
  ['a GRU', { ...small, cell: 'gru' }],
  ['an Elman network', { ...small, cell: 'rnn' }],
  ['zoneout', { ...small, zoneout: { hidden: 0.2, cell: 0.1 } }],
  ['residual connections', { ...small, layers: 3, residual: true }],
  ['skips to the output', { ...small, layers: 3, residual: true, skipToOutput: true }],
  ['tied weights', { ...small, embeddingSize: 33, tieWeights: true }],
];

/** A model's description with larger weights than fresh ones, so that it has something to say. */
function describeModel(options: LanguageModelOptions, format: WeightFormat = 'f32') {
  const model = new RecurrentLanguageModel(options, new Random(3));
  for (const variable of model.parameters.values()) {
    const random = new Random(variable.size);
    const noise = Float32Array.from({ length: variable.size }, () => (random.next() - 0.5) / 2);
    const values = tf.tidy(() => tf.add(tf.mul(variable, 2), tf.tensor(noise, variable.shape)));
    variable.assign(values);
    values.dispose();
  }
  return { model, description: model.stepModel(format)! };
}

/** The same, layer 0's input product put together with the embedding, which native sessions do (int8 does not round there). */
function folded(description: StepModel): StepModel {
  const { embedding, layers, vocabularySize } = description;
  if (!embedding) return description;
  const [table, kernel] = [unpackMatrix(embedding), unpackMatrix(layers[0].kernel)];
  const { rows: E, columns: G } = layers[0].kernel;
  const values = new Float32Array(vocabularySize * G);
  for (let token = 0; token < vocabularySize; token++) {
    for (let column = 0; column < G; column++) {
      let sum = 0;
      for (let e = 0; e < E; e++) sum += table[token * E + e] * kernel[e * G + column];
      values[token * G + column] = sum;
    }
  }
  const first = { ...layers[0], kernel: { format: 'f32' as const, rows: vocabularySize, columns: G, values } };
  return { ...description, embedding: null, layers: [first, ...layers.slice(1)] };
}

/** The backend whose engine is tested. */
let current = 'native';
const native = () => findStepEngine(current)!;
const opened: { dispose(): void }[] = [];
afterEach(() => opened.splice(0).forEach((object) => object.dispose()));

function open(description: StepModel, batch = 1, engine = native()): StepSession {
  const compiled = engine.compile(description)!;
  const session = compiled.session(batch);
  opened.push(session, compiled);
  return session;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i])));
}

function request(count: number, more: Partial<SampleRequest> = {}): SampleRequest {
  const random = new Random(5);
  return {
    ...{ token: 1, count, temperature: 1, topK: 0, topP: 1, milliseconds: Infinity },
    uniforms: Float64Array.from({ length: count }, () => random.next()),
    ...{ bannedTokens: new Int32Array(0), stopTokens: new Int32Array(0) },
    ...{ tokens: new Int32Array(count), logProbabilities: new Float64Array(count) },
    ...more,
  };
}

describe.each(nativeBackends)('the step engine of %s', (backendName) => {
  beforeEach(() => void (current = backendName));

  it.each(models)('steps through %s as the model does on the cpu backend', async (_, options) => {
    await tf.setBackend('cpu');
    const { model, description } = describeModel(options);
    const session = open(description, 3);
    let state = model.initialState(3);
    for (const tokens of [
      [0, 1, 2],
      [5, 5, 5],
      [10, 0, 3],
      [4, 7, 9],
    ]) {
      const ids = tf.tensor1d(tokens, 'int32');
      const expected = model.step(ids, state);
      tf.dispose([ids, ...state]);
      state = expected.state;
      expect(largestDifference(session.step(Int32Array.from(tokens)), expected.logits.dataSync())).toBeLessThan(1e-5);
      expected.logits.dispose();
    }
    const states = session.states();
    expect(states.length).toBe(state.length);
    states.forEach((values, i) => expect(largestDifference(values, state[i].dataSync())).toBeLessThan(1e-5));
    tf.dispose(state);
    model.dispose();
  });

  // int8: a sum in another precision may round an activation to its other neighbour, 1/127 of the largest.
  it.each<[WeightFormat, number]>([
    ['f32', 1e-5],
    ['bf16', 1e-5],
    ['int8', 1e-5],
  ])('steps with weights in %s as the reference does', (format, tolerance) => {
    for (const [, options] of models) {
      const { model, description } = describeModel(options, format);
      const session = open(description, 2);
      const reference = open(folded(description), 2, referenceStepEngine);
      let differing = 0;
      for (let step = 0; step < 20; step++) {
        const tokens = Int32Array.of((step * 7) % V, (step * 3 + 1) % V);
        reference.setStates(session.states());
        const difference = largestDifference(session.step(tokens), reference.step(tokens));
        if (difference >= tolerance) differing++;
        expect(difference).toBeLessThan(format === 'int8' ? 0.05 : tolerance);
      }
      expect(differing).toBeLessThanOrEqual(format === 'int8' ? 2 : 0);
      model.dispose();
    }
  });

  it('gives a text the same logits alone and among others', () => {
    for (const format of ['f32', 'bf16', 'int8'] as const) {
      const { model, description } = describeModel(small, format);
      const [three, one] = [open(description, 3), open(description)];
      for (const token of [1, 5, 2, 10]) {
        const logits = three.step(Int32Array.of(3, token, 0));
        expect(Array.from(one.step(Int32Array.of(token)))).toEqual(Array.from(logits.subarray(V, 2 * V)));
      }
      model.dispose();
    }
  });

  it('steps through GRUs that reset before and ReLU networks as the reference does', () => {
    const { model, description } = describeModel({ ...small, cell: 'gru', embeddingSize: 0 });
    const { model: rnn, description: network } = describeModel({ ...small, cell: 'rnn', embeddingSize: 0 });
    const before = (layer: StepModel['layers'][0]) => ({
      ...layer,
      resetAfter: false,
      bias: layer.bias.subarray(0, 3 * layer.units),
    });
    const changed: StepModel[] = [
      { ...description, layers: description.layers.map(before) },
      { ...network, layers: network.layers.map((layer) => ({ ...layer, activation: 'relu' })) },
    ];
    for (const each of changed) {
      const [session, reference] = [open(each), open(each, 1, referenceStepEngine)];
      for (const token of [1, 5, 2, 10]) {
        const logits = session.step(Int32Array.of(token));
        expect(largestDifference(logits, reference.step(Int32Array.of(token)))).toBeLessThan(1e-5);
      }
    }
    model.dispose();
    rnn.dispose();
  });

  it.each<[string, Partial<SampleRequest>]>([
    ['as it is', {}],
    ['at temperature 0', { temperature: 0 }],
    ['at temperature 0.7', { temperature: 0.7 }],
    ['from the top 3', { topK: 3 }],
    ['from the top 0.8 at temperature 2', { temperature: 2, topP: 0.8 }],
    ['with bans', { bannedTokens: Int32Array.of(0, 4), topK: 5, topP: 0.9 }],
  ])('draws what chooseToken draws from its steps: %s', (_, more) => {
    const { model, description } = describeModel(small);
    const [fast, slow] = [open(description), open(description)];
    const [mine, theirs] = [request(500, more), request(500, more)];
    expect(fast.sample(mine)).toBe(500);
    expect(drawTokens(slow, theirs)).toBe(500);
    expect(Array.from(mine.tokens)).toEqual(Array.from(theirs.tokens));
    expect(largestDifference(mine.logProbabilities, theirs.logProbabilities)).toBeLessThan(1e-12);
    expect(fast.states()).toEqual(slow.states());
    model.dispose();
  });

  it('stops at a stop token, and when its time is spent', () => {
    const { model, description } = describeModel(small);
    const all = request(200);
    open(description).sample(all);
    const stop = all.tokens[20];
    const stopped = request(200, { stopTokens: Int32Array.of(stop) });
    expect(open(description).sample(stopped)).toBe(all.tokens.indexOf(stop) + 1);
    expect(open(description).sample(request(200, { milliseconds: 0 }))).toBe(1);
    const count = 5_000_000;
    const started = performance.now();
    expect(open(description).sample(request(count, { milliseconds: 20 }))).toBeLessThan(count);
    // Filling the request takes most of it.
    expect(performance.now() - started).toBeLessThan(5000);
    model.dispose();
  });

  it('refuses logits that are not numbers', () => {
    const { model, description } = describeModel(small);
    const session = open(description);
    session.setStates(session.states().map((state) => state.fill(NaN)));
    expect(() => session.sample(request(1))).toThrow('Expected logits to be numbers below infinity');
    model.dispose();
  });

  it('refuses what does not fit', () => {
    const { model, description } = describeModel(small);
    const session = open(description);
    const sample = (more: Partial<SampleRequest>) => () => session.sample(request(3, more));
    expect(() => session.step(Int32Array.of(V))).toThrow(`Expected tokens[0] to be in [0, ${V}), got ${V}`);
    expect(() => session.step(Int32Array.of(1, 2))).toThrow('Expected tokens to be a Int32Array of length 1');
    expect(sample({ token: V })).toThrow('Expected token to be below 11');
    expect(sample({ bannedTokens: Int32Array.of(-1) })).toThrow('Expected bannedTokens[0] to be in [0, 11), got -1');
    expect(sample({ bannedTokens: Int32Array.from({ length: V }, (_, id) => id) })).toThrow('all are banned');
    expect(sample({ temperature: NaN })).toThrow('Expected temperature to be');
    expect(sample({ topP: 0 })).toThrow('Expected topP to be');
    expect(sample({ milliseconds: NaN })).toThrow('Expected milliseconds to be');
    expect(sample({ uniforms: Float64Array.of(0.5, 1, 0) })).toThrow('Expected uniforms[1] to be a number of [0, 1)');
    expect(sample({ uniforms: Float64Array.of(0.5) })).toThrow('uniforms');
    expect(() => open(description, 2).sample(request(3))).toThrow('to be 1, got 2');
    expect(() => open(description, 0)).toThrow('Expected batch to be a positive integer, got 0');
    expect(() => session.setStates([])).toThrow('Expected states of 33, 33, 33, 33 values');
    session.dispose();
    expect(() => session.step(Int32Array.of(1))).toThrow('Expected session to be alive');
    model.dispose();
  });

  it('refuses models whose parts do not fit together', () => {
    const { model, description } = describeModel(small);
    const [first, second] = description.layers;
    const refused = (change: Partial<StepModel>, message: string) =>
      expect(() => native().compile({ ...description, ...change })).toThrow(message);
    refused({ embedding: null }, 'Expected the rows of a kernel to be 11, got 7');
    refused({ layers: [] }, 'Expected at least one layer');
    refused({ layers: [second] }, 'Expected the rows of a kernel to be 7, got 33');
    refused({ skipToOutput: true }, "Expected the rows of the output's kernel to be 66, got 33");
    refused({ layers: [{ ...first, bias: new Float32Array(3) }, second] }, 'Expected bias to be a Float32Array');
    refused({ layers: [{ ...first, residual: true }, second] }, 'residual');
    refused({ layers: [{ ...first, zoneoutH: 1 }, second] }, 'Expected zoneoutH to be a number of [0, 1)');
    const values = new Float32Array(3);
    refused({ embedding: { format: 'f32', rows: V, columns: 7, values } }, 'Expected values to be a Float32Array');
    const unscaled = { format: 'int8' as const, rows: V, columns: 7, values: new Int8Array(7 * V), scales: values };
    refused({ embedding: unscaled }, 'Expected scales to be a Float32Array of length 7');
    expect(native().compile({ ...description, layers: [{ ...first, cell: 'other' as never }, second] })).toBeNull();
    model.dispose();
  });

  it.runIf(backendName === 'native')(
    'keeps the instruction set under which it was packed, and gives its memory back',
    () => {
      const addon = requireAddon();
      const { model, description } = describeModel(small);
      const before = addon.memoryUse().buffers;
      const isa = addon.isa();
      const session = open(description);
      const first = Array.from(session.step(Int32Array.of(3)));
      try {
        addon.setIsa('baseline');
        const other = open(description);
        expect(largestDifference(other.step(Int32Array.of(3)), first)).toBeLessThan(1e-5);
        session.setStates(session.states().map((state) => state.fill(0)));
        expect(Array.from(session.step(Int32Array.of(3)))).toEqual(first);
      } finally {
        addon.setIsa(isa);
      }
      expect(addon.memoryUse().buffers).toBeGreaterThan(before);
      opened.splice(0).forEach((object) => object.dispose());
      expect(addon.memoryUse().buffers).toBe(before);
      model.dispose();
    },
  );

  it.runIf(backendName === 'native')('draws the same with any number of threads', () => {
    const addon = requireAddon();
    const threads = addon.threads();
    const { model, description } = describeModel({ ...small, hiddenSize: 160 }, 'int8');
    const draws = [1, 2, 3].map((count) => {
      addon.setThreads(count);
      const drawn = request(300);
      open(description).sample(drawn);
      return [Array.from(drawn.tokens), Array.from(drawn.logProbabilities)];
    });
    addon.setThreads(threads);
    expect(draws[1]).toEqual(draws[0]);
    expect(draws[2]).toEqual(draws[0]);
    model.dispose();
  });
});
