import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  Random,
  RecurrentStack,
  layers as factories,
  type CellName,
  type RecurrentStackOptions,
} from '../../src/index.js';

const [B, T, D, H] = [2, 3, 4, 5];

const close = (actual: tf.Tensor, wanted: tf.Tensor): void => {
  expect(actual.shape).toEqual(wanted.shape);
  // float32 sums in another order
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.dataSync(), 1e-6);
};

let x: tf.Tensor3D;

function built(options: RecurrentStackOptions): RecurrentStack {
  const stack = new RecurrentStack(options);
  stack.build([null, null, D]);
  return stack;
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  x = tf.randomNormal([B, T, D], 0, 1, 'float32', 5);
});

describe('RecurrentStack', () => {
  it.each<[CellName, number]>([
    ['rnn', 0],
    ['gru', 1],
    ['lstm', 2],
  ])('of %s runs its layers on top of each other, the lowest %i in both directions', (cell, bidirectional) => {
    const stack = built({ cell, units: H, layers: 3, bidirectional });
    const { outputs, states, layerOutputs, last } = stack.run(x);
    let expected: tf.Tensor = x;
    const expectedStates: tf.Tensor[] = [];
    stack.layers.forEach((layer, index) => {
      const result = layer.run(expected);
      expected = result.outputs;
      expectedStates.push(...result.states);
      close(layerOutputs[index], expected);
    });
    close(outputs, expected);
    close(last, tf.squeeze(tf.slice(outputs, [0, T - 1, 0], [B, 1, H]), [1]));
    expect(states.map(({ shape }) => shape[1])).toEqual(stack.stateSizes);
    states.forEach((state, index) => close(state, expectedStates[index]));
  });

  it('continues from its flat list of states', () => {
    const stack = built({ units: H, layers: 2, projectionSize: 3 });
    const whole = stack.run(x).outputs;
    const { outputs, states } = stack.run(tf.slice(x, [0, 0, 0], [B, 1, D]));
    const rest = stack.run(tf.slice(x, [0, 1, 0], [B, T - 1, D]), { initialState: states });
    close(tf.concat([outputs, rest.outputs], 1), whole);
  });

  it('refuses fewer or more states than its layers have, which would silently start some from zeros', () => {
    const stack = built({ cell: 'gru', units: H, layers: 3, bidirectional: 1, name: 'deep' });
    const { states } = stack.run(x);
    for (const wrong of [states.slice(0, 3), [...states, states[0]]]) {
      expect(() => stack.run(x, { initialState: wrong })).toThrow(
        `Expected the initial state of deep to be 4 tensors, got ${wrong.length}`,
      );
      expect(() => stack.traceGates(x, { initialState: wrong })).toThrow('got ' + wrong.length);
    }
  });

  it('adds its input to every layer but the first', () => {
    const stack = built({ cell: 'gru', units: H, layers: 3, residual: true });
    const { outputs, last, layerOutputs } = stack.run(x);
    const second = tf.add(layerOutputs[0], stack.layers[1].run(layerOutputs[0]).outputs);
    const third = tf.add(second, stack.layers[2].run(second).outputs);
    close(outputs, third);
    close(last, tf.squeeze(tf.slice(third, [0, T - 1, 0], [B, 1, H]), [1]));
  });

  it.each<[string, number[] | undefined]>([
    ['the last step', undefined],
    ["each row's last valid step", [2, 3]],
  ])('puts out last what stands at %s where a residual layer reads a bidirectional one', (_, rows) => {
    const lengths = rows && tf.tensor1d(rows, 'int32');
    const stack = built({ units: H, layers: 4, bidirectional: 2, residual: true, mergeMode: 'sum' });
    const end = (outputs: tf.Tensor3D): tf.Tensor2D => {
      const at = (row: number) => tf.slice(outputs, [row, (rows?.[row] ?? T) - 1, 0], [1, 1, H]);
      return tf.squeeze(tf.concat([at(0), at(1)]), [1]);
    };
    const { outputs, last } = stack.run(x, { lengths });
    close(last, end(outputs));
    const gradient = (of: (result: ReturnType<typeof stack.run>) => tf.Tensor) =>
      tf.grad((features: tf.Tensor) => tf.sum(tf.square(of(stack.run(features, { lengths })))))(x);
    close(
      gradient((result) => result.last),
      gradient((result) => end(result.outputs)),
    );
  });

  it('drops out between its layers, one mask for all steps or one for each', () => {
    const dropped = (variational: boolean) => {
      const stack = built({ units: 20, layers: 2, betweenDropout: 0.5, variational, seed: 1 });
      const gradient = tf.grad((input: tf.Tensor) => {
        // The gradient with respect to the first layer's outputs shows what reached the second.
        const below = stack.layers[0].run(x).outputs;
        const run = stack.layers[0].run;
        stack.layers[0].run = (...args) => ({
          ...run.apply(stack.layers[0], args),
          outputs: tf.add(below, input) as tf.Tensor3D,
        });
        const { outputs } = stack.run(x, { training: true, random: new Random(2) });
        stack.layers[0].run = run;
        return tf.sum(outputs);
      });
      return gradient(tf.zeros([B, T, 20])).arraySync() as number[][][];
    };
    const sameAtAllSteps = (values: number[][][]) =>
      values.every((row) => row[0].every((_, unit) => new Set(row.map((step) => step[unit] === 0)).size === 1));
    const [locked, free] = [dropped(true), dropped(false)];
    expect(sameAtAllSteps(locked)).toBe(true);
    expect(sameAtAllSteps(free)).toBe(false);
    const zeros = locked.flat(2).filter((value) => value === 0).length / (B * T * 20);
    // 40 masks of probability one half: a standard deviation of 0.08
    expect(Math.abs(zeros - 0.5)).toBeLessThan(0.3);
  });

  it('drops its input out in training only, through a table of embeddings too', () => {
    const stack = built({ units: H, layers: 1, dropout: 0.5, seed: 1 });
    const run = (training: boolean) => stack.run(x, { training, random: new Random(3) }).outputs;
    expect(run(true).dataSync()).not.toEqual(run(false).dataSync());
    expect(run(true).dataSync()).toEqual(run(true).dataSync());
    const ids = tf.tensor2d(
      [
        [0, 1, 2],
        [2, 1, 0],
      ],
      [B, T],
      'int32',
    );
    const table = tf.randomNormal([3, D]);
    const looked = tf.reshape(tf.gather(table, tf.reshape(ids, [B * T])), [B, T, D]);
    const options = { training: true };
    close(
      stack.run(ids, { ...options, table, random: new Random(3) }).outputs,
      stack.run(looked, { ...options, random: new Random(3) }).outputs,
    );
    expect(() => stack.run(ids, options)).toThrow(
      'Expected dropout to be 0 where ids pick rows of the kernel, got 0.5',
    );
  });

  it('reads no ids beyond the lengths, dropped out or not', () => {
    const [ids, other] = [-1, 7].map((padding) => tf.tensor2d([[1, 2, padding]], undefined, 'int32'));
    const options = { lengths: tf.tensor1d([2], 'int32'), table: tf.randomNormal([8, D]) };
    for (const training of [true, false]) {
      const stack = built({ units: H, layers: 1, dropout: 0.5, seed: 1 });
      const [first, second] = [ids, other].map((x) =>
        stack.run(x, { ...options, training, random: new Random(3) }).last.dataSync(),
      );
      expect(first).toEqual(second);
    }
  });

  it('names its weights after layer and direction', () => {
    const stack = built({ cell: 'gru', units: H, layers: 2, bidirectional: 1, useBias: false });
    expect([...stack.parameters().keys()]).toEqual([
      'layers.0.forward.kernel',
      'layers.0.forward.recurrentKernel',
      'layers.0.backward.kernel',
      'layers.0.backward.recurrentKernel',
      'layers.1.kernel',
      'layers.1.recurrentKernel',
    ]);
    expect(new Set(stack.weights.map((weight) => weight.originalName)).size).toBe(6);
  });

  it('shows the gates of all its cells, residual connections included', () => {
    const stack = built({ units: H, layers: 3, bidirectional: 1, residual: true, mergeMode: 'sum' });
    const traces = stack.traceGates(x);
    const { layerOutputs } = stack.run(x);
    expect(traces).toHaveLength(4);
    close(tf.add(traces[0].h, traces[1].h), layerOutputs[0]);
    close(tf.add(traces[2].h, layerOutputs[0]), layerOutputs[1]);
    close(tf.add(traces[3].h, layerOutputs[1]), layerOutputs[2]);
  });

  it('shows in training the gates of the run that its generator makes', () => {
    const stack = built({ units: H, layers: 2, bidirectional: 1, recurrentDropout: 0.5, betweenDropout: 0.5 });
    const traces = stack.traceGates(x, { training: true, random: new Random(4) });
    const { layerOutputs } = stack.run(x, { training: true, random: new Random(4) });
    close(tf.concat([traces[0].h, traces[1].h], 2), layerOutputs[0]);
    close(traces[2].h, layerOutputs[1]);
  });

  it('leaks nothing', () => {
    const before = tf.memory().numTensors;
    const stack = built({
      units: H,
      layers: 2,
      bidirectional: 1,
      dropout: 0.1,
      betweenDropout: 0.1,
      recurrentDropout: 0.1,
    });
    const { outputs, last, states, layerOutputs } = stack.run(x, { training: true });
    tf.dispose([outputs, last, ...states, ...layerOutputs]);
    tf.dispose(stack.traceGates(x) as unknown as tf.TensorContainer);
    stack.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('The layers', () => {
  it('can be made by functions in the manner of tf.layers', () => {
    const lstm = factories.lstm({ units: H });
    const made = [
      factories.simpleRNN({ units: H }),
      factories.gru({ units: H }),
      factories.recurrentStack({ units: H }),
    ];
    const names = [...made, lstm, factories.bidirectional({ layer: lstm })].map((layer) => layer.getClassName());
    expect(names).toEqual([
      'CadenzaSimpleRNN',
      'CadenzaGRU',
      'CadenzaRecurrentStack',
      'CadenzaLSTM',
      'CadenzaBidirectional',
    ]);
  });
});
