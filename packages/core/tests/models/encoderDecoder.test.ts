import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, LSTMDecoder, LSTMEncoder, Random, RecurrentDecoder } from '../../src/index.js';
import type { DecoderState, LSTMDecoderOptions, LSTMEncoderOptions } from '../../src/index.js';

const [B, S, T, D, H, V] = [2, 4, 3, 3, 5, 6];

const close = (actual: tf.Tensor, wanted: tf.Tensor): void => {
  expect(actual.shape).toEqual(wanted.shape);
  // float32 sums in another order
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.dataSync(), 1e-5);
};

let source: tf.Tensor2D;
let target: tf.Tensor2D;
let features: tf.Tensor3D;

beforeAll(async () => {
  await tf.setBackend('cpu');
  source = tf.tensor2d([1, 2, 3, 4, 5, 1, 2, 3], [B, S], 'int32');
  target = tf.tensor2d([1, 2, 3, 4, 5, 1], [B, T], 'int32');
  features = tf.randomNormal([B, S, D], 0, 1, 'float32', 4);
});

function encoderOf(options: Partial<LSTMEncoderOptions> = {}): LSTMEncoder {
  const encoder = new LSTMEncoder({ units: H, vocabularySize: V, embeddingSize: D, seed: 1, ...options });
  encoder.build(options.vocabularySize === undefined && 'vocabularySize' in options ? [null, null, D] : [null, null]);
  return encoder;
}

function decoderOf(options: Partial<LSTMDecoderOptions> = {}): LSTMDecoder {
  const decoder = new LSTMDecoder({ units: H, vocabularySize: V, embeddingSize: D, seed: 2, ...options });
  decoder.build('vocabularySize' in options ? [null, null, D] : [null, null]);
  return decoder;
}

describe('LSTMEncoder', () => {
  it.each<[string, Partial<LSTMEncoderOptions>, number, number[]]>([
    ['in one direction', { layers: 2 }, H, [H, H, H, H]],
    ['in both directions', { layers: 2, bidirectional: true }, 2 * H, [2 * H, 2 * H, 2 * H, 2 * H]],
    ['with only its lowest layer in both', { layers: 2, bidirectional: 1 }, H, [H, H, H, H]],
    ['through a learned bridge', { bidirectional: true, bridge: 'dense', bridgeUnits: 7 }, 2 * H, [7, 7]],
    ['without a bridge', { bidirectional: true, bridge: 'none', mergeMode: 'sum' }, H, [H, H, H, H]],
    ['with a projection', { bidirectional: true, projectionSize: 2 }, 4, [4, 2 * H]],
    ['from features', { vocabularySize: undefined, embeddingSize: undefined, layers: 2 }, H, [H, H, H, H]],
  ])('%s hands over outputs and states of the sizes it announces', (_name, options, size, stateSizes) => {
    const encoder = encoderOf(options);
    const x = 'vocabularySize' in options ? features : source;
    const { outputs, states } = encoder.encode(x);
    expect(outputs.shape).toEqual([B, S, size]);
    expect(states.map((state) => state.shape)).toEqual(stateSizes.map((width) => [B, width]));
    expect(encoder.stateSizes).toEqual(stateSizes);
    expect(encoder.computeOutputShape([null, S])).toEqual([
      [null, S, size],
      ...stateSizes.map((width) => [null, width]),
    ]);
  });

  it('joins the directions of each layer by concatenation', () => {
    const raw = encoderOf({ layers: 2, bidirectional: true, bridge: 'none' }).encode(source).states;
    const joined = encoderOf({ layers: 2, bidirectional: true }).encode(source).states;
    const pairs = [
      [0, 2],
      [1, 3],
      [4, 6],
      [5, 7],
    ];
    pairs.forEach(([forward, backward], index) => close(joined[index], tf.concat([raw[forward], raw[backward]], 1)));
  });

  it('maps hidden states through tanh and cells linearly in its learned bridge', () => {
    const encoder = encoderOf({ layers: 2, bidirectional: 1, bridgeUnits: 4 });
    const raw = encoder.stack.run(source, { table: encoder.parameters().get('embedding') }).states;
    const bridged = encoder.encode(source).states;
    const map = (x: tf.Tensor, name: string): tf.Tensor => {
      const [kernel, bias] = ['Kernel', 'Bias'].map((part) => encoder.parameters().get(name + part) as tf.Tensor);
      return tf.add(tf.matMul(x as tf.Tensor2D, kernel as tf.Tensor2D), bias);
    };
    close(bridged[0], tf.tanh(map(tf.concat([raw[0], raw[2]], 1), 'bridge.0.hidden')));
    close(bridged[1], map(tf.concat([raw[1], raw[3]], 1), 'bridge.0.cell'));
    close(bridged[2], tf.tanh(map(raw[4], 'bridge.1.hidden')));
    close(bridged[3], map(raw[5], 'bridge.1.cell'));
  });

  it('reads each source to its own length, by lengths and by padding with zeros', () => {
    const options = { bidirectional: true, layers: 2 };
    const padded = tf.tensor2d([1, 2, 0, 0, 5, 1, 2, 3], [B, S], 'int32');
    const short = encoderOf(options).encode(tf.tensor2d([[1, 2]], [1, 2], 'int32'));
    const { outputs, states } = encoderOf(options).encode(padded, { lengths: tf.tensor1d([2, 4], 'int32') });
    const asLayer = encoderOf({ ...options, maskZero: true }).apply(padded) as tf.Tensor[];
    for (const all of [[outputs, ...states], asLayer]) {
      close(tf.slice(all[0], [0, 0, 0], [1, 2, 2 * H]), short.outputs);
      close(tf.slice(all[0], [0, 2, 0], [1, 2, 2 * H]), tf.zeros([1, 2, 2 * H]));
      all.slice(1).forEach((state, index) => close(tf.slice(state, [0, 0], [1, 2 * H]), short.states[index]));
    }
  });

  it('finds the lengths of ids padded with zeros itself, where it masks them and is given none', () => {
    const encoder = encoderOf({ bidirectional: true, maskZero: true });
    const padded = tf.tensor2d([1, 2, 0, 0, 5, 1, 2, 3], [B, S], 'int32');
    const given = encoder.encode(padded, { lengths: tf.tensor1d([2, 4], 'int32') });
    const { outputs, states, lengths } = encoder.encode(padded);
    close(outputs, given.outputs);
    states.forEach((state, index) => close(state, given.states[index]));
    expect([...lengths!.dataSync()]).toEqual([2, 4]);
    expect([...encoder.start(padded).encoderLengths!.dataSync()]).toEqual([2, 4]);
    const gaps = encoder.encode(tf.tensor2d([1, 0, 2, 0, 5, 1, 2, 3], [B, S], 'int32'));
    close(gaps.outputs, given.outputs);
    expect(encoder.encode(source).lengths).toBeUndefined();
  });

  it('shows the gates of all layers and directions', () => {
    expect(encoderOf({ layers: 2, bidirectional: 1 }).traceGates(source)).toHaveLength(3);
  });

  it('shows the gates of ids padded with zeros, where it masks them, as those of shorter rows', () => {
    const encoder = encoderOf({ layers: 2, bidirectional: true, maskZero: true });
    const padded = encoder.traceGates(tf.tensor2d([1, 2, 0, 0, 5, 1, 2, 3], [B, S], 'int32'));
    const gaps = encoder.traceGates(tf.tensor2d([0, 1, 0, 2, 5, 1, 2, 3], [B, S], 'int32'));
    encoder.traceGates(tf.tensor2d([1, 2], [1, 2], 'int32')).forEach((short, cell) => {
      for (const [name, steps] of Object.entries(short)) {
        for (const found of [padded, gaps]) close(tf.slice(found[cell][name], [0, 0, 0], [1, 2, H]), steps);
      }
      close(tf.slice(padded[cell].h, [0, 2, 0], [1, 2, H]), tf.zeros([1, 2, H]));
    });
  });

  it.each<[Partial<LSTMEncoderOptions>, string]>([
    [{ bridge: 'concat', layers: 2, bidirectional: 1 }, 'Expected bridge to be none or dense where not every layer is'],
    [{ bridgeUnits: 3 }, 'Expected bridgeUnits to be absent for the bridge none, got 3'],
    [{ bridge: 'dens' as never }, 'did you mean dense?'],
    [{ cell: 'gru' } as never, 'Expected an option that LSTMEncoder knows, got cell'],
    [{ embeddingSize: 0, dropout: 0.1 }, 'Expected dropout to be 0 where embeddingSize is 0, got 0.1'],
    [{ vocabularySize: undefined }, 'Expected vocabularySize to be given beside embeddingSize'],
    [{ vocabularySize: undefined, embeddingSize: undefined, maskZero: true }, 'Expected maskZero to be false'],
  ])('refuses %j', (options, text) => {
    expect(() => encoderOf(options)).toThrow(ConfigError);
    expect(() => encoderOf(options)).toThrow(text);
  });
});

describe('LSTMDecoder', () => {
  it.each<[string, Partial<LSTMDecoderOptions>]>([
    ['one layer', {}],
    ['two layers, tied weights', { layers: 2, tieWeights: true, units: 7 }],
    ['a projection, all layers at the output', { layers: 2, projectionSize: 2, skipToOutput: true }],
    ['layer norm and residual connections', { layers: 3, layerNorm: true, residual: true }],
    ['one-hot tokens', { embeddingSize: 0 }],
  ])('with %s gives the same logits step by step as by teacher forcing', (_name, options) => {
    const decoder = decoderOf(options);
    const states = decoder.stateSizes.map((size, index) => tf.randomNormal([B, size], 0, 0.5, 'float32', index));
    const whole = decoder.decode(target, { states });
    let state = { states: states as tf.Tensor[] };
    const logits: tf.Tensor[] = [];
    for (let t = 0; t < T; t++) {
      const step = decoder.step(tf.reshape(tf.slice(target, [0, t], [B, 1]), [B]), state);
      logits.push(step.logits!);
      state = step.state;
    }
    expect(whole.logits!.shape).toEqual([B, T, V]);
    close(tf.stack(logits, 1), whole.logits!);
    state.states.forEach((tensor, index) => close(tensor, whole.state.states[index]));
  });

  it('carries its state over zeros that it masks, in whole sequences and in steps', () => {
    const decoder = decoderOf({ maskZero: true, returnState: true });
    const ids = tf.tensor2d([1, 0, 2, 3, 4, 0], [B, T], 'int32');
    const { logits, state } = decoder.decode(ids);
    const [asLayer, ...states] = decoder.apply(ids) as tf.Tensor[];
    close(logits!, asLayer);
    state.states.forEach((tensor, index) => close(tensor, states[index]));
    let stepped: DecoderState | undefined;
    tf.unstack(ids, 1).forEach((step, t) => {
      const next = decoder.step(step, stepped);
      close(next.logits!, tf.squeeze(tf.slice(logits!, [0, t, 0], [B, 1, V]), [1]));
      stepped = next.state;
    });
    const before = tf.memory().numTensors;
    const result = decoder.decode(ids);
    tf.dispose([result.outputs, result.logits!, ...result.state.states]);
    expect(tf.memory().numTensors).toBe(before);
    const [{ f, c, h }] = decoder.traceGates(ids);
    close(h, decoder.decode(ids).outputs);
    close(tf.slice(f, [0, 1, 0], [1, 1, H]), tf.zeros([1, 1, H]));
    close(tf.squeeze(tf.slice(c, [0, T - 1, 0], [B, 1, H]), [1]), states[1]);
  });

  it.each([
    ['more tokens than ids', 50, 0],
    ['no more tokens than ids', V, 0],
    ['dropout of the input', V, 0.1],
  ])('learns its embedding whatever is said of the gradient of features, with %s', (_, vocabularySize, dropout) => {
    const decoder = new LSTMDecoder({ vocabularySize, embeddingSize: 3, units: 4, dropout, seed: 1 });
    decoder.build([null, null]);
    const weights = [...decoder.parameters().values()];
    const gradients = (needInputGradient: boolean) => {
      const options = { needInputGradient, training: true, random: new Random(2) };
      const loss = (): tf.Scalar => tf.sum(decoder.decode(target, undefined, options).logits!);
      return tf.variableGrads(loss, weights).grads;
    };
    const [wanted, got] = [gradients(true), gradients(false)];
    for (const { name } of weights) close(got[name], wanted[name]);
    decoder.dispose();
  });

  it('starts from an encoder and hands its outputs on, for attention to find them', () => {
    const encoder = encoderOf({ bidirectional: true });
    const decoder = decoderOf({ units: 2 * H });
    const lengths = tf.tensor1d([3, 4], 'int32');
    const start = encoder.start(source, { lengths });
    const { logits, state } = decoder.step(tf.tensor1d([1, 1], 'int32'), start);
    expect(logits!.shape).toEqual([B, V]);
    expect(state.encoderOutputs).toBe(start.encoderOutputs);
    expect(state.encoderLengths).toBe(lengths);
    expect(decoder.step(tf.tensor1d([1, 1], 'int32')).logits!.dataSync()).not.toEqual(logits!.dataSync());
  });

  it('refuses fewer states than its layers have, as a layer in a model too', () => {
    const decoder = decoderOf({ layers: 2, name: 'talker' });
    const states = [tf.zeros([B, H]), tf.zeros([B, H])];
    const message = /Expected the initial state of talker_stack to be 4 tensors, got 2/;
    expect(() => decoder.decode(target, { states })).toThrow(message);
    expect(() => decoder.apply(target, { initialState: states })).toThrow(message);
  });

  it('reads features and gives outputs without logits', () => {
    const decoder = decoderOf({ vocabularySize: undefined, embeddingSize: undefined });
    const { outputs, logits } = decoder.decode(features);
    expect([outputs.shape, logits]).toEqual([[B, S, H], undefined]);
    const step = decoder.step(tf.squeeze(tf.slice(features, [0, 0, 0], [B, 1, D]), [1]));
    close(step.outputs, tf.squeeze(tf.slice(outputs, [0, 0, 0], [B, 1, H]), [1]));
    const scores = decoderOf({ vocabularySize: undefined, embeddingSize: undefined, outputSize: 3 }).decode(features);
    expect(scores.logits!.shape).toEqual([B, S, 3]);
  });

  it('drops out in training, from the generator it is given', () => {
    const decoder = decoderOf({ outputDropout: 0.5, embeddingDropout: 0.3, dropout: 0.2, recurrentDropout: 0.2 });
    const run = (training: boolean, seed: number) =>
      Array.from(decoder.decode(target, undefined, { training, random: new Random(seed) }).logits!.dataSync());
    expect(run(true, 1)).toEqual(run(true, 1));
    expect(run(true, 1)).not.toEqual(run(true, 2));
    expect(run(false, 1)).toEqual(run(false, 2));
  });

  it.each<[object, string]>([
    [{ tieWeights: true, embeddingSize: 0 }, 'Expected tieWeights to be false without an embedding'],
    [{ tieWeights: true, outputSize: 3 }, 'Expected tieWeights to be false without an embedding of all output tokens'],
    [{ bidirectional: true }, 'Expected an option that LSTMDecoder knows, got bidirectional'],
    [{ cell: 'gru' }, 'Expected cell of LSTMDecoder to be lstm, got "gru"'],
    [{ embeddingSize: NaN }, 'Expected embeddingSize to be an integer of at least 0, got NaN'],
    [{ outputSize: -1 }, 'Expected outputSize to be an integer of at least 0, got -1'],
    [{ embeddingSize: 0, embeddingDropout: 0.5 }, 'Expected embeddingDropout to be 0 where embeddingSize is 0'],
  ])('refuses %j', (options, text) => {
    expect(() => decoderOf(options)).toThrow(ConfigError);
    expect(() => decoderOf(options)).toThrow(text);
  });

  it('refuses an option of a call that it does not know, as its encoder does', () => {
    const [encoder, decoder] = [encoderOf({ name: 'reader' }), decoderOf({ name: 'writer' })];
    expect(() => decoder.decode(target, undefined, { length: 2 } as never)).toThrow(
      'Expected an option that decode of writer knows, got length; did you mean lengths?',
    );
    expect(() => encoder.encode(features, { train: true } as never)).toThrow(/encode of reader knows, got train/);
    expect(() => encoder.encode(features, { table: target } as never)).toThrow(/encode of reader knows, got table/);
    expect(() => encoder.traceGates(features, { train: true } as never)).toThrow(/traceGates of reader knows/);
  });

  it('must be built before it decodes', () => {
    expect(() => new RecurrentDecoder({ units: H, name: 'raw' }).decode(features)).toThrow('Expected raw to be built');
    expect(() => new LSTMEncoder({ units: H, name: 'raw' }).encode(features)).toThrow('Expected raw to be built');
  });
});

describe('Encoder and decoder', () => {
  function sequenceToSequence() {
    const sourceInput = tfl.input({ shape: [null], dtype: 'int32' });
    const targetInput = tfl.input({ shape: [null], dtype: 'int32' });
    const encoder = new LSTMEncoder({
      units: H,
      vocabularySize: V,
      embeddingSize: D,
      bidirectional: true,
      maskZero: true,
      seed: 1,
    });
    const decoder = new LSTMDecoder({
      units: 2 * H,
      vocabularySize: V,
      embeddingSize: D,
      maskZero: true,
      returnState: true,
      seed: 2,
    });
    const [, ...states] = encoder.apply(sourceInput) as tfl.SymbolicTensor[];
    const [logits] = decoder.apply(targetInput, { initialState: states }) as tfl.SymbolicTensor[];
    const outputs = tfl.layers.activation({ activation: 'softmax' }).apply(logits) as tfl.SymbolicTensor;
    return { model: tfl.model({ inputs: [sourceInput, targetInput], outputs }), encoder, decoder };
  }

  it('predict in a tf.model what they predict by themselves', () => {
    const { model, encoder, decoder } = sequenceToSequence();
    const { states } = encoder.encode(source);
    const { logits } = decoder.decode(target, { states });
    close(model.predict([source, target]) as tf.Tensor, tf.softmax(logits!));
  });

  it('predict the same after being saved and loaded', async () => {
    const { model } = sequenceToSequence();
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = { ...artifacts, modelTopology: JSON.parse(JSON.stringify(artifacts.modelTopology)) };
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
    const [ours, theirs] = [model, loaded].map((either) => either.predict([source, target]) as tf.Tensor);
    expect(theirs.dataSync()).toEqual(ours.dataSync());
  });

  it('learn by fit to repeat the source', async () => {
    const { model } = sequenceToSequence();
    model.compile({ optimizer: tf.train.adam(0.05), loss: 'sparseCategoricalCrossentropy' });
    const starts = tf.tensor2d([1, 2, 5, 1, 3, 4], [B, T]);
    const labels = tf.tensor3d([2, 3, 4, 3, 4, 2], [B, T, 1]);
    const { history } = await model.fit([tf.cast(source, 'float32'), starts], labels, { epochs: 25, verbose: 0 });
    expect(history.loss.at(-1)).toBeLessThan(0.3 * (history.loss[0] as number));
  });

  it('leak nothing', () => {
    const before = tf.memory().numTensors;
    const encoder = encoderOf({ layers: 2, bidirectional: 1, dropout: 0.1 });
    const decoder = decoderOf({ layers: 2, outputDropout: 0.1 });
    const start = encoder.start(source, { training: true });
    const result = decoder.decode(target, start, { training: true });
    const traces = [encoder.traceGates(source), decoder.traceGates(target, start)];
    const step = decoder.step(
      tf.tidy(() => tf.reshape(tf.slice(target, [0, 0], [B, 1]), [B])),
      start,
      {},
    );
    tf.dispose([result.outputs, result.logits!, result.state.states, start.states, start.encoderOutputs!]);
    tf.dispose([step.outputs, step.logits!, step.state.states, traces as unknown as tf.TensorContainer[]]);
    encoder.dispose();
    decoder.dispose();
    // The one step of ids made above.
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});
