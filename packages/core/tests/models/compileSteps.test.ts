import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  findStepEngine,
  registerStepEngine,
  referenceStepEngine,
  sampleSequence,
  streamTokens,
  type StepModel,
} from '../../src/decoding/index.js';
import { compileSteps, RecurrentLanguageModel, type LanguageModelOptions } from '../../src/models/index.js';
import { Random } from '../../src/random.js';

const V = 7;

beforeAll(() => tf.setBackend('cpu'));

const newModel = (options: Partial<LanguageModelOptions> = {}): RecurrentLanguageModel =>
  new RecurrentLanguageModel({ vocabularySize: V, hiddenSize: 5, layers: 2, ...options }, new Random(4));

async function written(model: RecurrentLanguageModel, format: 'f32' | 'bf16' | 'int8', seed = 1): Promise<number[]> {
  const compiled = compileSteps(model, format);
  const session = compiled.session(1);
  const tokens: number[] = [];
  const options = { prompt: [1, 2], maximumTokens: 300, random: new Random(seed) };
  for await (const { token } of streamTokens(session, options)) tokens.push(token);
  session.dispose();
  compiled.dispose();
  return tokens;
}

describe('compileSteps', () => {
  it('goes through tensors for float32 where the backend has no engine, and leaves none behind', async () => {
    const model = newModel();
    const before = tf.memory().numTensors;
    const tokens: number[] = [];
    expect(compileSteps(model).way).toBe('tensors');
    const step = (ids: Int32Array, state: tf.Tensor[]) => model.step(tf.tensor1d(ids, 'int32'), state);
    const options = { prompt: [1, 2], maximumTokens: 300, random: new Random(1), state: model.initialState(1) };
    for await (const { token } of sampleSequence(step, options)) tokens.push(token);
    const after = tf.memory().numTensors;
    expect(await written(model, 'f32')).toEqual(tokens);
    expect(tf.memory().numTensors).toBe(after);
    expect(before).toBeLessThan(after); // the states of the plain walk, which nobody disposes of here
  });

  it('takes the plain engine for rounded weights there', async () => {
    const model = newModel();
    expect(compileSteps(model, 'int8').way).toBe('plain');
    expect(compileSteps(model, 'bf16').way).toBe('plain');
    expect(await written(model, 'int8')).toHaveLength(300);
  });

  it('goes through tensors for what cannot be described', async () => {
    for (const options of [{ layerNorm: true }, { projectionSize: 3 }]) {
      const model = newModel(options);
      expect(compileSteps(model, 'int8').way).toBe('tensors');
      expect(await written(model, 'f32')).toHaveLength(300);
    }
  });

  it('takes the engine of the backend, unless that refuses the model', async () => {
    const compiled: StepModel[] = [];
    const backend = tf.getBackend();
    const before = findStepEngine(backend) ?? { compile: () => null };
    registerStepEngine(backend, {
      compile(model) {
        if (model.layers[0].cell === 'rnn') return null;
        compiled.push(model);
        return referenceStepEngine.compile(model);
      },
    });
    try {
      expect(findStepEngine(backend)).toBeDefined();
      expect(compileSteps(newModel()).way).toBe('engine');
      expect(compileSteps(newModel({ cell: 'rnn' })).way).toBe('tensors');
      expect(compiled).toHaveLength(1);
      const tensors = compileSteps(newModel({ layerNorm: true }));
      expect(tensors.way).toBe('tensors');
    } finally {
      registerStepEngine(backend, before);
    }
  });

  it('gives sessions of tensors that refuse what others refuse', () => {
    const session = compileSteps(newModel({ layerNorm: true })).session(2);
    expect(() => session.step(Int32Array.of(1))).toThrow('Expected tokens to be 2 ids, got 1');
    expect(() => session.step(Int32Array.of(1, V))).toThrow('Expected a token to be an id from 0 to 6, got 7');
    expect(() => session.setStates([])).toThrow('Expected states of 10, 10, 10, 10 values, got ');
    session.step(Int32Array.of(1, 2));
    const other = compileSteps(newModel({ layerNorm: true })).session(2);
    other.setStates(session.states());
    expect(other.step(Int32Array.of(3, 4))).toEqual(session.step(Int32Array.of(3, 4)));
  });
});
