import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Bidirectional, GRU, LSTM, Random, type MergeMode } from '../../src/index.js';

const [B, T, D, H] = [2, 3, 4, 5];

const close = (actual: tf.Tensor, wanted: tf.Tensor): void => {
  expect(actual.shape).toEqual(wanted.shape);
  // float32 sums in another order
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.dataSync(), 1e-6);
};

let x: tf.Tensor3D;

beforeAll(async () => {
  await tf.setBackend('cpu');
  x = tf.randomNormal([B, T, D], 0, 1, 'float32', 5);
});

/** The two layers that a bidirectional one of LSTMs stands for. */
function directions(layer: Bidirectional): [LSTM, LSTM] {
  const pair = [false, true].map(
    (goBackwards) => new LSTM({ units: H, returnSequences: true, returnState: true, goBackwards }),
  );
  pair.forEach((single, index) => {
    single.build(x.shape);
    single.setWeights([layer.forwardLayer, layer.backwardLayer][index].getWeights());
  });
  return pair as [LSTM, LSTM];
}

const merges: Record<Exclude<MergeMode, 'none'>, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor> = {
  concat: (a, b) => tf.concat([a, b], -1),
  sum: (a, b) => tf.add(a, b),
  mul: (a, b) => tf.mul(a, b),
  ave: (a, b) => tf.div(tf.add(a, b), 2),
};

describe('Bidirectional', () => {
  it.each(Object.entries(merges))('equals two layers merged by %s', (mergeMode, merge) => {
    const layer = new Bidirectional({
      layer: new LSTM({ units: H, returnSequences: true, returnState: true }),
      mergeMode: mergeMode as MergeMode,
    });
    const [outputs, ...states] = layer.apply(x) as tf.Tensor[];
    const [forward, backward] = directions(layer).map((single) => single.apply(x) as tf.Tensor[]);
    close(outputs, merge(forward[0], tf.reverse(backward[0], 1)));
    [...forward.slice(1), ...backward.slice(1)].forEach((state, index) => close(states[index], state));
    const last = new Bidirectional({ layer: new LSTM({ units: H }), mergeMode: mergeMode as MergeMode });
    last.build(x.shape);
    last.setWeights(layer.getWeights());
    close(last.apply(x) as tf.Tensor, merge(forward[1], backward[1]));
  });

  it.each(['none', null] as const)('returns both directions side by side with the merge mode %s', (mergeMode) => {
    const layer = new Bidirectional({ layer: new LSTM({ units: H, returnSequences: true }), mergeMode });
    const pair = layer.apply(x) as tf.Tensor[];
    const [forward, backward] = directions(layer).map((single) => (single.apply(x) as tf.Tensor[])[0]);
    close(pair[0], forward);
    close(pair[1], tf.reverse(backward, 1));
    expect(layer.computeOutputShape([null, T, D])).toEqual([
      [null, T, H],
      [null, T, H],
    ]);
  });

  it('agrees with the one of tfjs-layers', () => {
    const cell = tfl.layers.gru({ units: H, recurrentActivation: 'sigmoid', recurrentInitializer: 'glorotUniform' });
    const theirs = tfl.layers.bidirectional({ layer: cell, mergeMode: 'concat' });
    const expected = theirs.apply(x) as tf.Tensor;
    const ours = new Bidirectional({ layer: new GRU({ units: H, resetAfter: false }) });
    ours.build(x.shape);
    ours.setWeights(theirs.getWeights());
    close(ours.apply(x) as tf.Tensor, expected);
  });

  it('starts each row backwards at its own end', () => {
    const layer = new Bidirectional({ layer: new GRU({ units: H }) });
    layer.build(x.shape);
    const { outputs, states } = layer.run(x, { lengths: tf.tensor1d([2, 3], 'int32') });
    const alone = layer.run(tf.slice(x, [0, 0, 0], [1, 2, D]));
    close(tf.slice(outputs, [0, 0, 0], [1, 2, 2 * H]), alone.outputs);
    close(tf.slice(outputs, [0, 2, 0], [1, 1, 2 * H]), tf.zeros([1, 1, 2 * H]));
    states.forEach((state, index) => close(tf.slice(state, [0, 0], [1, H]), alone.states[index]));
  });

  it('starts from given states, forward ones first', () => {
    const layer = new Bidirectional({ layer: new LSTM({ units: H, returnSequences: true }) });
    layer.build(x.shape);
    const states = layer.stateSizes.map((size, index) => tf.fill([B, size], 0.1 * (index + 1)));
    const [forward, backward] = directions(layer);
    const f = (forward.apply([x, states[0], states[1]]) as tf.Tensor[])[0];
    const b = (backward.apply([x, states[2], states[3]]) as tf.Tensor[])[0];
    close(layer.apply(x, { initialState: states }) as tf.Tensor, tf.concat([f, tf.reverse(b, 1)], -1));
  });

  it('takes what to return, and a layer for the way back, from what it is given', () => {
    const layer = new Bidirectional({
      layer: new LSTM({ units: H, returnState: true, stateful: true, inputShape: [T, D] }),
      backwardLayer: new GRU({ units: H, goBackwards: true }),
    });
    expect(layer).toMatchObject({
      returnState: true,
      returnSequences: false,
      stateful: true,
      batchInputShape: [null, T, D],
    });
    expect((layer.apply(x) as tf.Tensor[]).map(({ shape }) => shape[1])).toEqual([2 * H, H, H, H]);
    const copy = new Bidirectional(layer.getConfig() as never);
    expect(copy.getConfig()).toEqual(layer.getConfig());
    expect(copy.backwardLayer).toBeInstanceOf(GRU);
  });

  it('gives both directions weights and dropouts of their own, drawn from one seed', () => {
    const make = () => {
      const layer = new Bidirectional({ layer: new LSTM({ units: H, seed: 1, recurrentDropout: 0.5 }) });
      layer.build(x.shape);
      return layer;
    };
    const [first, second] = [make(), make()];
    const values = ({ parameters }: { parameters: () => Map<string, tf.Variable> }, layer: Bidirectional) =>
      [...parameters.call(layer).values()].map((variable) => Array.from(variable.dataSync()));
    expect(values(first, first)).toEqual(values(second, second));
    const kernels = ['forward.kernel', 'backward.kernel'].map((name) => first.parameters().get(name)!.dataSync());
    expect(kernels[0]).not.toEqual(kernels[1]);
    const run = (layer: Bidirectional) => layer.run(x, { training: true, random: new Random(4) }).outputs.dataSync();
    expect(run(first)).toEqual(run(second));
  });

  it('has the gradients of finite differences, for its input and every weight', () => {
    const layer = new Bidirectional({ layer: new LSTM({ units: 2, seed: 1 }) });
    layer.build(x.shape);
    const lengths = tf.tensor1d([2, 3], 'int32');
    const input = tf.variable(x);
    const loss = (): tf.Scalar => {
      const { outputs, last } = layer.run(input, { lengths });
      return tf.add(tf.sum(tf.square(outputs)), tf.sum(last));
    };
    const variables = [input, ...layer.parameters().values()];
    const { grads } = tf.variableGrads(loss, variables);
    for (const variable of variables) {
      const values = variable.dataSync().slice();
      const at = (index: number, change: number) =>
        tf.tidy(() => {
          variable.assign(
            tf.tensor(
              values.map((value, i) => (i === index ? value + change : value)),
              variable.shape,
            ),
          );
          return loss().dataSync()[0];
        });
      const step = 1e-2;
      const slopes = Array.from(values, (_, index) => (at(index, step) - at(index, -step)) / (2 * step));
      variable.assign(tf.tensor(values, variable.shape));
      // float32, and the square of the step
      tf.test_util.expectArraysClose(grads[variable.name].dataSync(), slopes, 2e-3);
    }
    input.dispose();
  });

  it('leaks nothing, with gradients and without', () => {
    const before = tf.memory().numTensors;
    const layer = new Bidirectional({ layer: new GRU({ units: H, dropout: 0.1, recurrentDropout: 0.1 }) });
    layer.build(x.shape);
    const { outputs, last, states } = layer.run(x, { training: true });
    tf.dispose([outputs, last, ...states]);
    const { value, grads } = tf.variableGrads(() => tf.sum(layer.run(x, { training: true }).outputs) as tf.Scalar);
    tf.dispose([value, grads]);
    layer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('shows the gates of the forward, then the backward direction', () => {
    const layer = new Bidirectional({ layer: new LSTM({ units: H }) });
    layer.build(x.shape);
    const traces = layer.traceGates(x);
    close(tf.concat([traces[0].h, traces[1].h], -1), layer.run(x).outputs);
  });
});
