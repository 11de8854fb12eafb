import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  referenceStepEngine,
  unpackMatrix,
  type StepLayer,
  type StepSession,
  type WeightFormat,
} from '../../src/decoding/index.js';
import { RecurrentLanguageModel, type LanguageModelOptions } from '../../src/models/index.js';
import { gru, simpleRnn } from '../../src/ops/index.js';
import { Random } from '../../src/random.js';

const V = 7;
const base = { vocabularySize: V, hiddenSize: 5, layers: 2 };

function newModel(options: Partial<LanguageModelOptions> = {}): RecurrentLanguageModel {
  const model = new RecurrentLanguageModel({ ...base, ...options }, new Random(4));
  const random = new Random(9);
  // Biases that are not zero, so that a wrong one shows.
  for (const [name, variable] of model.parameters) {
    if (!name.endsWith('bias')) continue;
    variable.assign(
      tf.tensor(
        Float32Array.from({ length: variable.size }, () => random.normal()),
        variable.shape,
      ),
    );
  }
  return model;
}

function compile(model: RecurrentLanguageModel, format: WeightFormat, batch: number): StepSession {
  return referenceStepEngine.compile(model.stepModel(format)!)!.session(batch);
}

/** The largest difference of the logits and of the states between the model's own steps and a session's. */
function largestDifference(model: RecurrentLanguageModel, session: StepSession, steps = 12): number {
  const random = new Random(2);
  let largest = 0;
  let state = model.initialState(session.batch);
  const compare = (got: Float32Array, want: tf.Tensor): void =>
    want.dataSync().forEach((value, index) => (largest = Math.max(largest, Math.abs(value - got[index]))));
  for (let step = 0; step < steps; step++) {
    const tokens = Int32Array.from({ length: session.batch }, () => random.integer(V));
    const { logits, state: next } = model.step(tf.tensor1d(tokens, 'int32'), state);
    const got = session.step(tokens);
    expect(got).toHaveLength(session.batch * V);
    compare(got, logits);
    session.states().forEach((values, index) => compare(values, next[index]));
    state = next;
  }
  return largest;
}

const variants: Record<string, Partial<LanguageModelOptions>> = {
  'an LSTM of one-hot tokens': {},
  'a GRU': { cell: 'gru' },
  'a simple network': { cell: 'rnn' },
  'an embedding': { embeddingSize: 3 },
  'an embedding tied to the output': { embeddingSize: 5, tieWeights: true },
  'an embedding tied to the output behind a projection': { embeddingSize: 3, tieWeights: true },
  'residual connections': { layers: 3, residual: true },
  'an output that sees all layers': { layers: 3, skipToOutput: true },
  'all of it, tied': { layers: 3, residual: true, skipToOutput: true, embeddingSize: 4, tieWeights: true },
  'zoneout of an LSTM': { zoneout: { hidden: 0.2, cell: 0.4 } },
  'zoneout of a GRU': { cell: 'gru', zoneout: { hidden: 0.3 } },
  'zoneout of a simple network': { cell: 'rnn', zoneout: { hidden: 0.3 } },
  'dropouts, which evaluation leaves out': { dropout: { between: 0.5, output: 0.5, recurrent: 0.5, weight: 0.5 } },
};

describe('the steps of a described model equal its own, with', () => {
  for (const [name, options] of Object.entries(variants)) {
    it(name, () => {
      const model = newModel(options);
      const before = tf.memory().numTensors;
      const session = compile(model, 'f32', 3);
      expect(tf.memory().numTensors).toBe(before);
      expect(largestDifference(model, session)).toBeLessThan(2e-6); // float32 sums in another order
    });
  }
});

describe('bf16 and int8', () => {
  it('stay near float32', () => {
    for (const options of [{}, { cell: 'gru' }, { cell: 'rnn' }, { embeddingSize: 3 }] as const) {
      const model = newModel(options);
      const off = (format: WeightFormat): number => largestDifference(model, compile(model, format, 2));
      // Weights of about 0.5 are off by 2^-9 of themselves in bf16 and by 1/254 of the column's largest in int8.
      expect(off('bf16')).toBeLessThan(0.02);
      expect(off('bf16')).toBeGreaterThan(1e-5);
      expect(off('int8')).toBeLessThan(0.05);
      expect(off('int8')).toBeGreaterThan(1e-4);
    }
  });

  it('hold what the rounded weights hold', () => {
    const model = newModel({ embeddingSize: 3 });
    const { embedding, layers, output } = model.stepModel('int8')!;
    expect(embedding!.format).toBe('f32'); // one row a step
    expect(layers.map(({ kernel }) => kernel.format)).toEqual(['int8', 'int8']);
    expect(output.kernel).toMatchObject({ format: 'int8', rows: 5, columns: V });
    const kernel = model.parameters.get('output.kernel')!.dataSync();
    unpackMatrix(output.kernel).forEach((value, index) => expect(value).toBeCloseTo(kernel[index], 2));
  });
});

describe('a described model', () => {
  it('keeps the weights of the moment it was described', () => {
    const model = newModel();
    const session = compile(model, 'f32', 1);
    const before = session.step(Int32Array.of(1)).slice();
    for (const variable of model.parameters.values()) variable.assign(tf.zerosLike(variable));
    session.setStates(session.states().map((state) => state.fill(0)));
    expect(session.step(Int32Array.of(1))).toEqual(before);
  });

  it('is not there for layer normalisation and projections', () => {
    expect(newModel({ layerNorm: true }).stepModel('f32')).toBeNull();
    expect(newModel({ projectionSize: 3 }).stepModel('f32')).toBeNull();
  });

  it('is refused in a format that does not exist', () => {
    expect(() => newModel().stepModel('int4' as 'int8')).toThrow(
      'Expected format to be f32 or bf16 or int8, got "int4"; did you mean int8?',
    );
  });

  it('may hold a GRU whose reset gate comes before the product, and a network of relu, as layers have them', () => {
    const compare = (cell: 'gru' | 'rnn', changed: Partial<StepLayer>, biasSize: number): void => {
      const model = newModel({ cell, layers: 1 });
      const described = model.stepModel('f32')!;
      const bias = Float32Array.from({ length: biasSize }, (_, index) => Math.sin(index));
      const layers = [{ ...described.layers[0], ...changed, bias }];
      const session = referenceStepEngine.compile({ ...described, layers })!.session(1);
      const ids = [2, 4, 1];
      for (const id of ids) session.step(Int32Array.of(id));
      const args = {
        x: tf.tensor2d([ids], undefined, 'int32'),
        kernel: model.parameters.get('layers.0.kernel')!,
        recurrentKernel: model.parameters.get('layers.0.recurrentKernel')!,
        bias: tf.tensor1d(bias),
      };
      const { h } = cell === 'gru' ? gru({ ...args, resetAfter: false }) : simpleRnn({ ...args, activation: 'relu' });
      session.states()[0].forEach((value, unit) => expect(value).toBeCloseTo(h.dataSync()[unit], 5));
    };
    compare('gru', { resetAfter: false }, 15);
    compare('rnn', { activation: 'relu' }, 5);
  });
});

describe('a session', () => {
  it('goes on from states taken from another', () => {
    const model = newModel({ cell: 'gru' });
    const one = compile(model, 'f32', 2);
    const other = compile(model, 'f32', 2);
    one.step(Int32Array.of(1, 2));
    other.setStates(one.states());
    expect(other.step(Int32Array.of(3, 0))).toEqual(one.step(Int32Array.of(3, 0)));
  });

  it('refuses tokens, texts and states that are not its own', () => {
    const session = compile(newModel(), 'f32', 2);
    expect(() => session.step(Int32Array.of(1))).toThrow('Expected tokens to be 2 ids, got 1');
    expect(() => session.step(Int32Array.of(1, V))).toThrow('Expected a token to be an id from 0 to 6, got 7');
    expect(() => session.setStates([new Float32Array(10)])).toThrow('Expected states of 10, 10, 10, 10 values, got 10');
    expect(() => compile(newModel(), 'f32', 0)).toThrow('Expected batch to be a positive integer, got 0');
  });
});
