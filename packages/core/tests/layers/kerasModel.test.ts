import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bidirectional, GRU, LSTM, RecurrentStack, SimpleRNN, type SequenceLayer } from '../../src/index.js';

const [B, T, D, H] = [2, 3, 4, 5];

/** Every layer with every kind of option set, under the name of the test. */
const layers: [string, () => SequenceLayer][] = [
  ['SimpleRNN', () => new SimpleRNN({ units: H, activation: 'relu', seed: 1, layerNorm: true })],
  ['LSTM', () => new LSTM({ units: H, seed: 1, zoneout: { hidden: 0.1, cell: 0.2 }, layerNorm: true })],
  ['LSTM with a projection', () => new LSTM({ units: H, projectionSize: 3, returnSequences: true, useBias: false })],
  ['GRU', () => new GRU({ units: H, resetAfter: false, kernelRegularizer: tfl.regularizers.l2({ l2: 0.1 }) })],
  ['GRU walking backwards', () => new GRU({ units: H, goBackwards: true, returnSequences: true })],
  ['Bidirectional', () => new Bidirectional({ layer: new LSTM({ units: H, seed: 3, returnSequences: true }) })],
  ['Bidirectional, averaged', () => new Bidirectional({ layer: new GRU({ units: H }), mergeMode: 'ave' })],
  [
    'RecurrentStack',
    () => new RecurrentStack({ cell: 'gru', units: H, layers: 3, bidirectional: 1, mergeMode: 'sum', residual: true }),
  ],
  [
    'RecurrentStack of LSTMs',
    () => new RecurrentStack({ units: H, layers: 2, bidirectional: true, projectionSize: 2 }),
  ],
];

async function saveAndLoad(model: tfl.LayersModel): Promise<tfl.LayersModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      // Through text, as a file would be.
      saved = { ...artifacts, modelTopology: JSON.parse(JSON.stringify(artifacts.modelTopology)) };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return tfl.loadLayersModel(tf.io.fromMemory(saved!));
}

const values = (tensor: tf.Tensor | tf.Tensor[]): number[] => Array.from([tensor].flat()[0].dataSync());

beforeAll(() => tf.setBackend('cpu'));
afterAll(() => tf.disposeVariables());

describe.each(layers)('%s in a sequential model', (_name, make) => {
  it('predicts the shape that it announces', () => {
    const model = tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [T, D] }), make()] });
    const predicted = model.predict(tf.randomNormal([B, T, D])) as tf.Tensor;
    expect(predicted.shape).toEqual([B, ...(model.outputShape as number[]).slice(1)]);
  });

  it('predicts the same after being saved and loaded', async () => {
    const model = tfl.sequential({
      layers: [tfl.layers.inputLayer({ inputShape: [T, D] }), make(), tfl.layers.dense({ units: 2 })],
    });
    const x = tf.randomNormal([B, T, D], 0, 1, 'float32', 7);
    const loaded = await saveAndLoad(model);
    expect(values(loaded.predict(x))).toEqual(values(model.predict(x)));
    expect(loaded.layers.map((layer) => layer.getConfig())).toEqual(model.layers.map((layer) => layer.getConfig()));
  });

  it('learns by fit', async () => {
    const model = tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [T, D] }), make()] });
    model.compile({ loss: 'meanSquaredError', optimizer: tf.train.adam(0.05) });
    const x = tf.randomNormal([8, T, D], 0, 1, 'float32', 3);
    const y = tf.mul(0.3, tf.ones([8, ...(model.outputShape as number[]).slice(1)]));
    const { history } = await model.fit(x, y, { epochs: 15, batchSize: 4, verbose: 0 });
    expect(history.loss.at(-1)).toBeLessThan(0.7 * (history.loss[0] as number));
  });

  it('leaks no tensors', () => {
    const layer = make();
    const x = tf.randomNormal([B, T, D]);
    tf.dispose(layer.apply(x) as tf.Tensor);
    const before = tf.memory().numTensors;
    tf.dispose(layer.apply(x, { training: true }) as tf.Tensor);
    expect(tf.memory().numTensors).toBe(before);
    const weights = layer.parameters().size;
    layer.dispose();
    expect(tf.memory().numTensors).toBe(before - weights);
  });
});
