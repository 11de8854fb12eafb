import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { GRU, LSTM, Random, SimpleRNN, type RecurrentLayer, type RecurrentOptions } from '../../src/index.js';

const [B, T, D, H] = [2, 3, 4, 5];
const cells: [string, new (options: RecurrentOptions) => RecurrentLayer][] = [
  ['SimpleRNN', SimpleRNN],
  ['LSTM', LSTM],
  ['GRU', GRU],
];

/** float32 sums in another order */
const tolerance = 1e-5;

let x: tf.Tensor3D;

function expectClose(actual: tf.Tensor, wanted: tf.Tensor): void {
  expect(actual.shape).toEqual(wanted.shape);
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.dataSync(), tolerance);
}

function built<L extends RecurrentLayer>(layer: L, size = D): L {
  layer.build([null, null, size]);
  return layer;
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  x = tf.randomNormal([B, T, D], 0, 1, 'float32', 11);
});

// Their orthogonal initializer calls chained operations, which a program without them does not have.
describe('The layers agree with those of tfjs-layers', () => {
  it.each<[string, RecurrentLayer, tfl.layers.Layer]>([
    [
      'SimpleRNN',
      new SimpleRNN({ units: H, returnSequences: true }),
      tfl.layers.simpleRNN({ units: H, recurrentInitializer: 'glorotUniform', returnSequences: true }),
    ],
    [
      'LSTM',
      new LSTM({ units: H, returnSequences: true }),
      tfl.layers.lstm({
        units: H,
        returnSequences: true,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'glorotUniform',
      }),
    ],
    [
      'GRU',
      new GRU({ units: H, returnSequences: true, resetAfter: false }),
      tfl.layers.gru({
        units: H,
        returnSequences: true,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'glorotUniform',
      }),
    ],
    [
      'LSTM walking backwards, last output',
      new LSTM({ units: H, goBackwards: true }),
      tfl.layers.lstm({
        units: H,
        goBackwards: true,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'glorotUniform',
      }),
    ],
    [
      'GRU walking backwards, all outputs',
      new GRU({ units: H, goBackwards: true, returnSequences: true, resetAfter: false }),
      tfl.layers.gru({
        units: H,
        goBackwards: true,
        returnSequences: true,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'glorotUniform',
      }),
    ],
  ])('%s', (_name, ours, theirs) => {
    const expected = theirs.apply(x) as tf.Tensor;
    ours.build(x.shape);
    ours.setWeights(theirs.getWeights());
    expectClose(ours.apply(x) as tf.Tensor, expected);
  });
});

describe.each(cells)('%s', (_name, Cell) => {
  it('starts from the same weights for the same seed and from others for another', () => {
    const weights = (seed: number) =>
      built(new Cell({ units: H, seed }))
        .getWeights()
        .map((weight) => weight.dataSync());
    expect(weights(3)).toEqual(weights(3));
    expect(weights(3)).not.toEqual(weights(4));
  });

  it('fills its weights by name, by an object of tfjs and by its saved form', () => {
    const layer = built(
      new Cell({
        units: H,
        kernelInitializer: 'ones',
        recurrentInitializer: tfl.initializers.constant({ value: 2 }),
        biasInitializer: { className: 'Constant', config: { value: 3 } },
        ...(Cell === LSTM ? { unitForgetBias: false } : {}),
      }),
    );
    const [kernel, recurrentKernel, bias] = layer.getWeights().map((weight) => new Set(weight.dataSync()));
    expect([kernel, recurrentKernel, bias]).toEqual([new Set([1]), new Set([2]), new Set([3])]);
  });

  it('starts with orthonormal rows of the recurrent kernel', () => {
    const recurrent = built(new Cell({ units: H, seed: 1 }))
      .parameters()
      .get('recurrentKernel') as tf.Variable;
    expectClose(
      tf.matMul(recurrent as tf.Tensor as tf.Tensor2D, recurrent as tf.Tensor as tf.Tensor2D, false, true),
      tf.eye(H),
    );
  });

  it('has no bias where none is wanted', () => {
    expect([
      ...built(new Cell({ units: H, useBias: false }))
        .parameters()
        .keys(),
    ]).toEqual(['kernel', 'recurrentKernel']);
  });

  it('walks backwards as a forward walk over the reversed sequence', () => {
    const forward = new Cell({ units: H, seed: 5, returnSequences: true });
    const backward = new Cell({ units: H, seed: 5, returnSequences: true, goBackwards: true });
    expectClose(backward.apply(x) as tf.Tensor, forward.apply(tf.reverse(x, 1)) as tf.Tensor);
  });

  it('returns its states, and the last output is the first of them', () => {
    const layer = new Cell({ units: H, returnState: true });
    const [output, ...states] = layer.apply(x) as tf.Tensor[];
    expect(states.map((state) => state.shape)).toEqual(layer.stateSizes.map((size) => [B, size]));
    expectClose(output, states[0]);
    expect(layer.computeOutputShape([null, T, D])).toEqual([
      [null, H],
      ...layer.stateSizes.map((size) => [null, size]),
    ]);
  });

  it('keeps a state apart from the output it equals: a model frees the one before it uses the other', () => {
    const input = tfl.input({ shape: [T, D] });
    const [output, state] = new Cell({ units: H, returnState: true }).apply(input) as tfl.SymbolicTensor[];
    const later = tfl.layers.dense({ units: 2 }).apply(output) as tfl.SymbolicTensor;
    const joined = tfl.layers.concatenate().apply([later, state]) as tfl.SymbolicTensor;
    const prediction = tfl.model({ inputs: input, outputs: joined }).predict(x) as tf.Tensor;
    expect(prediction.shape).toEqual([B, 2 + H]);
    expect(prediction.dataSync().every(Number.isFinite)).toBe(true);
  });

  it('continues from an initial state, as an argument, among the inputs, and in a model', () => {
    const layer = new Cell({ units: H, seed: 6, returnSequences: true, returnState: true });
    const [whole] = layer.apply(x) as tf.Tensor[];
    const [start, ...states] = layer.apply(tf.slice(x, [0, 0, 0], [B, 1, D])) as tf.Tensor[];
    const rest = tf.slice(x, [0, 1, 0], [B, T - 1, D]);
    const [byArgument] = layer.apply(rest, { initialState: states }) as tf.Tensor[];
    const [byInput] = layer.apply([rest, ...states]) as tf.Tensor[];
    const inputs = [tfl.input({ shape: [T - 1, D] }), ...layer.stateSizes.map((size) => tfl.input({ shape: [size] }))];
    const [symbolic] = layer.apply(inputs[0], { initialState: inputs.slice(1) }) as tfl.SymbolicTensor[];
    const byModel = tfl.model({ inputs, outputs: symbolic }).predict([rest, ...states]) as tf.Tensor;
    for (const output of [byArgument, byInput, byModel]) expectClose(tf.concat([start, output], 1), whole);
  });

  it('refuses initial states of the wrong number and size, naming them', () => {
    const layer = new Cell({ units: H, name: 'memory' });
    const wrong = layer.stateSizes.map((size) => tf.zeros([B, size + 1]));
    expect(() => layer.apply([x, ...wrong])).toThrow(
      /Expected state 0 of memory to have shape \[any, 5\], got \[2, 6\]/,
    );
    expect(() => layer.apply([x, ...wrong, ...wrong])).toThrow(/Expected the initial state of memory to be \d tensor/);
    // None at all is as wrong as too many: it would start from zeros, and nobody would know.
    expect(() => layer.run(x, { initialState: [] })).toThrow(/Expected the initial state of memory to be \d tensor/);
  });

  it('refuses options of a run that it does not know', () => {
    const layer = built(new Cell({ units: H, name: 'memory' }));
    const misspelt = { initialStates: [] } as never;
    const message = 'Expected an option that a run of memory knows, got initialStates; did you mean initialState?';
    expect(() => layer.run(x, misspelt)).toThrow(message);
    expect(() => layer.traceGates(x, misspelt)).toThrow(message);
  });

  it('carries its state over calls when stateful, as one long call would', () => {
    const layer = new Cell({ units: H, seed: 8, returnSequences: true, stateful: true });
    const whole = new Cell({ units: H, seed: 8, returnSequences: true }).apply(x) as tf.Tensor;
    const parts = [0, 1, 2].map((step) => layer.apply(tf.slice(x, [0, step, 0], [B, 1, D])) as tf.Tensor);
    expectClose(tf.concat(parts, 1), whole);
    layer.resetStates();
    expectClose(layer.apply(x) as tf.Tensor, whole);
    expect(() => layer.apply(tf.zeros([B + 1, T, D]))).toThrow(/Expected the batch of the stateful .* to be 2/);
    layer.resetStates(layer.stateSizes.map((size) => tf.zeros([B, size])));
    expectClose(layer.apply(x) as tf.Tensor, whole);
    expect(() => new Cell({ units: H }).resetStates()).toThrow(/stateful for resetStates/);
  });

  it('trains when stateful, without leaking the states of the steps before', async () => {
    const layer = new Cell({ units: H, stateful: true, batchInputShape: [B, T, D] });
    const model = tfl.sequential({ layers: [layer] });
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
    const y = tf.zeros([B, H]);
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    const losses = [await model.trainOnBatch(x, y), await model.trainOnBatch(x, y)];
    expect(tf.memory().numTensors).toBe(before);
    expect(losses.every((loss) => Number.isFinite(loss))).toBe(true);
    model.resetStates();
    expect(tf.memory().numTensors).toBe(before - layer.stateSizes.length);
  });

  it.each(['dropout', 'recurrentDropout', 'weightDropout'] as const)(
    'draws its %s from its seed, in training only',
    (name) => {
      const run = (seed: number, training: boolean) => {
        const layer = new Cell({ units: H, seed: 1, returnSequences: true, [name]: 0.5 });
        layer.build(x.shape);
        return layer.run(x, { training, random: new Random(seed) }).outputs;
      };
      const plain = new Cell({ units: H, seed: 1, returnSequences: true }).apply(x) as tf.Tensor;
      expectClose(run(1, false), plain);
      expect(run(1, true).dataSync()).toEqual(run(1, true).dataSync());
      expect(run(1, true).dataSync()).not.toEqual(run(2, true).dataSync());
      expect(run(1, true).dataSync()).not.toEqual(plain.dataSync());
    },
  );

  it('repeats its own dropouts for the same seed', () => {
    const run = () => {
      const layer = new Cell({ units: H, seed: 9, dropout: 0.3, recurrentDropout: 0.3 });
      return [1, 2].map(() => Array.from((layer.apply(x, { training: true }) as tf.Tensor).dataSync()));
    };
    const [first, second] = [run(), run()];
    expect(first).toEqual(second);
    expect(first[0]).not.toEqual(first[1]);
  });

  it('drops the same inputs out at every step', () => {
    const layer = built(new Cell({ units: H, seed: 1, dropout: 0.5 }), H);
    const ones = tf.ones([1, T, H]);
    const kept = (dropped: boolean) => layer.run(ones, { training: dropped, random: new Random(3) }).outputs;
    // An input that is dropped receives no gradient.
    const gradient = tf.grad((input: tf.Tensor) =>
      tf.sum(layer.run(input, { training: true, random: new Random(3) }).outputs),
    );
    const reached = gradient(ones).arraySync() as number[][][];
    const columns = Array.from({ length: H }, (_, d) => reached[0].map((step) => step[d] !== 0));
    expect(columns.every((column) => column.every((value) => value === column[0]))).toBe(true);
    expect(columns.some(([value]) => value) && columns.some(([value]) => !value)).toBe(true);
    expect(kept(true).dataSync()).not.toEqual(kept(false).dataSync());
  });

  it('keeps units at their previous value at the rate of zoneout, and mixes at that rate in evaluation', () => {
    const [steps, size, keep] = [40, 50, 0.3];
    const layer = built(new Cell({ units: size, seed: 2, zoneout: { hidden: keep } }), D);
    const long = tf.randomNormal([1, steps, D], 0, 1, 'float32', 1);
    const outputs = layer.run(long, { training: true, random: new Random(1) }).outputs;
    const [earlier, later] = [
      tf.slice(outputs, [0, 0, 0], [1, steps - 1, size]),
      tf.slice(outputs, [0, 1, 0], [1, steps - 1, size]),
    ];
    const share = tf.mean(tf.cast(tf.equal(earlier, later), 'float32')).dataSync()[0];
    // 1950 draws: a standard deviation of 0.0104
    expect(Math.abs(share - keep)).toBeLessThan(0.05);
    const first = tf.slice(long, [0, 0, 0], [1, 1, D]);
    const plain = built(new Cell({ units: size, seed: 2 }), D).run(first).outputs;
    expectClose(layer.run(first).outputs, tf.mul(plain, 1 - keep));
  });

  it('normalises its products with gain and bias of their own', () => {
    const layer = built(new Cell({ units: H, seed: 2, layerNorm: true }));
    const norms = [...layer.parameters().keys()].filter((name) => name.startsWith('norm'));
    expect(norms).toEqual(Cell === LSTM ? ['normInput', 'normRecurrent', 'normCell'] : ['normInput', 'normRecurrent']);
    // What makes it worth having: the scale of the input does not matter.
    const one = tf.slice(x, [0, 0, 0], [B, 1, D]);
    tf.test_util.expectArraysClose(
      layer.run(one).outputs.dataSync(),
      layer.run(tf.mul(one, 7)).outputs.dataSync(),
      1e-3,
    );
  });

  it('adds its regularizers to the loss and applies its constraints', async () => {
    const layer = new Cell({
      units: H,
      kernelRegularizer: 'l2',
      recurrentRegularizer: tfl.regularizers.l1(),
      kernelConstraint: 'nonNeg',
    });
    const model = tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [T, D] }), layer] });
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
    const [kernel, recurrent] = layer.getWeights();
    const penalty = layer.calculateLosses().map((loss) => loss.dataSync()[0]);
    expect(penalty[0]).toBeCloseTo(0.01 * tf.sum(tf.square(kernel)).dataSync()[0], 5);
    expect(penalty[1]).toBeCloseTo(0.01 * tf.sum(tf.abs(recurrent)).dataSync()[0], 5);
    const target = model.predict(x) as tf.Tensor;
    expect(await model.trainOnBatch(x, target)).toBeCloseTo(penalty[0] + penalty[1], 4);
    expect(tf.min(layer.getWeights()[0]).dataSync()[0]).toBeGreaterThanOrEqual(0);
  });

  it('can be frozen', () => {
    const layer = built(new Cell({ units: H, trainable: false }));
    expect(layer.trainableWeights).toHaveLength(0);
    expect(layer.nonTrainableWeights).toHaveLength(layer.parameters().size);
    const trainable = (): boolean[] => [...layer.parameters().values()].map((variable) => variable.trainable);
    expect(new Set(trainable())).toEqual(new Set([false]));
    layer.trainable = true;
    expect(new Set(trainable())).toEqual(new Set([true]));
  });

  it('reads ids as the one-hot vectors they stand for', () => {
    const layer = built(new Cell({ units: H, seed: 4 }));
    const ids = tf.tensor2d(
      [
        [0, 3, 1],
        [2, 2, 0],
      ],
      [B, T],
      'int32',
    );
    expectClose(layer.run(ids).outputs, layer.run(tf.cast(tf.oneHot(ids, D), 'float32')).outputs);
  });

  it.each([
    [6, 'fewer', 2],
    [7, 'more', 20],
  ])('reads ids through a table of %i %s rows than steps', (_size, _which, rows) => {
    const layer = built(new Cell({ units: H, seed: 4 }));
    const table = tf.randomNormal([rows, D], 0, 1, 'float32', 5);
    const ids = tf.tensor2d(
      [
        [0, 1, 1],
        [1, 0, 0],
      ],
      [B, T],
      'int32',
    );
    const features = tf.reshape(tf.gather(table, tf.reshape(ids, [B * T])), [B, T, D]);
    expectClose(layer.run(ids, { table }).outputs, layer.run(features).outputs);
    const throughTable = tf.grad((weights: tf.Tensor) => tf.sum(tf.square(layer.run(ids, { table: weights }).outputs)))(
      table,
    );
    const throughGather = tf.grad((weights: tf.Tensor) => {
      const looked = tf.reshape(tf.gather(weights, tf.reshape(ids, [B * T])), [B, T, D]);
      return tf.sum(tf.square(layer.run(looked).outputs));
    })(table);
    expectClose(throughTable, throughGather);
  });

  it.each([3, 100])('reads no ids beyond the lengths, of %i', (vocabularySize) => {
    const layer = built(new Cell({ units: H, seed: 1 }));
    const table = tf.randomNormal([vocabularySize, D], 0, 1, 'float32', 1);
    const lengths = tf.tensor1d([2], 'int32');
    const [padded, short] = [
      [1, 2, -1, -1],
      [1, 2],
    ].map((ids) => tf.tensor2d([ids], undefined, 'int32'));
    const last = (given: tf.Tensor) => layer.run(padded, { lengths, table: given }).last;
    expectClose(last(table), layer.run(short, { table }).last);
    expectClose(layer.run(padded, { lengths }).last, layer.run(short).last); // rows of the kernel
    const gradient = tf.grad((given: tf.Tensor) => tf.sum(last(given)))(table);
    expectClose(tf.slice(gradient, [0, 0], [1, D]), tf.zeros([1, D]));
  });

  it('shows its gates at every step', () => {
    const layer = built(new Cell({ units: H, seed: 4 }));
    const [trace] = layer.traceGates(x);
    const { outputs } = layer.run(x);
    const names = { SimpleRNN: ['h'], LSTM: ['i', 'f', 'g', 'o', 'c', 'h'], GRU: ['z', 'r', 'n', 'h'] }[Cell.name]!;
    expect(Object.keys(trace)).toEqual(names);
    for (const gate of Object.values(trace)) expect(gate.shape).toEqual([B, T, H]);
    expectClose(trace.h, outputs);
  });

  it('needs to be built before it runs and wants three axes', () => {
    expect(() => new Cell({ units: H, name: 'raw' }).run(x)).toThrow('Expected raw to be built before it runs');
    expect(() => new Cell({ units: H, name: 'flat' }).apply(tf.zeros([2, 3]))).toThrow(
      'Expected the input of flat to have shape [batch, time, features], got [2, 3]',
    );
    expect(() => built(new Cell({ units: H, name: 'narrow' })).apply(tf.zeros([2, 3, D + 1]))).toThrow(
      /got \[2, 3, 5\]/,
    );
  });
});

describe('LSTM', () => {
  it('starts with a forget gate of bias 1, unless told not to', () => {
    const bias = (unitForgetBias: boolean) =>
      Array.from(
        built(new LSTM({ units: 2, unitForgetBias }))
          .parameters()
          .get('bias')!
          .dataSync(),
      );
    expect(bias(true)).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
    expect(bias(false)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('projects its hidden state, not its cell', () => {
    const layer = built(new LSTM({ units: H, projectionSize: 2, returnSequences: true }));
    const shapes = [...layer.parameters()].map(([name, { shape }]) => [name, shape]);
    expect(Object.fromEntries(shapes)).toMatchObject({ recurrentKernel: [2, 4 * H], projection: [H, 2] });
    expect([layer.outputSize, layer.stateSizes]).toEqual([2, [2, H]]);
    expect(layer.run(x).states.map(({ shape }) => shape)).toEqual([
      [B, 2],
      [B, H],
    ]);
  });

  it('keeps cells at the rate of their own zoneout', () => {
    const layer = built(new LSTM({ units: 50, seed: 2, zoneout: { cell: 0.4 } }));
    const long = tf.randomNormal([1, 40, D], 0, 1, 'float32', 1);
    const [{ c }] = layer.traceGates(long, { training: true, random: new Random(1) });
    const [earlier, later] = [tf.slice(c, [0, 0, 0], [1, 39, 50]), tf.slice(c, [0, 1, 0], [1, 39, 50])];
    const share = tf.mean(tf.cast(tf.equal(earlier, later), 'float32')).dataSync()[0];
    // 1950 draws: a standard deviation of 0.011
    expect(Math.abs(share - 0.4)).toBeLessThan(0.05);
  });
});

describe('GRU', () => {
  it('has a bias for the recurrence where the reset gate comes after it', () => {
    const shape = (resetAfter: boolean) =>
      built(new GRU({ units: H, resetAfter }))
        .parameters()
        .get('bias')!.shape;
    expect([shape(true), shape(false)]).toEqual([[2, 3 * H], [3 * H]]);
  });
});

describe('SimpleRNN', () => {
  it('rectifies with relu', () => {
    const outputs = built(new SimpleRNN({ units: H, activation: 'relu', seed: 3 })).run(x).outputs;
    expect(tf.min(outputs).dataSync()[0]).toBe(0);
    expect(tf.min(built(new SimpleRNN({ units: H, seed: 3 })).run(x).outputs).dataSync()[0]).toBeLessThan(0);
  });
});

let tensors = 0;
beforeEach(() => {
  tensors = tf.memory().numTensors;
});

describe('A run', () => {
  it.each(cells)('of %s leaks nothing, with gradients and without', (_name, Cell) => {
    const layer = built(
      new Cell({ units: H, dropout: 0.1, recurrentDropout: 0.1, zoneout: { hidden: 0.1 }, layerNorm: true }),
    );
    const weights = layer.parameters().size;
    const { outputs, states } = layer.run(x, { training: true });
    tf.dispose([outputs, states]);
    tf.dispose(layer.traceGates(x));
    const { value, grads } = tf.variableGrads(() => tf.tidy(() => tf.sum(layer.run(x, { training: true }).outputs)));
    expect(Object.keys(grads)).toHaveLength(weights);
    tf.dispose([value, grads]);
    layer.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });
});
