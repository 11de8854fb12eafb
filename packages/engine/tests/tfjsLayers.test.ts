import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { agrees, isBuilt, tensor } from './onBoth.js';

type Recurrent = (options: object) => tfl.layers.Layer;

const initializers = () => ({
  kernelInitializer: tfl.initializers.glorotUniform({ seed: 1 }),
  recurrentInitializer: tfl.initializers.glorotUniform({ seed: 2 }),
});
const cells: Record<string, Recurrent> = {
  simpleRNN: (options) => tfl.layers.simpleRNN({ ...initializers(), ...options } as never),
  gru: (options) => tfl.layers.gru({ ...initializers(), ...options } as never),
  lstm: (options) => tfl.layers.lstm({ ...initializers(), ...options } as never),
};
const dense = () => tfl.layers.dense({ units: 1, kernelInitializer: tfl.initializers.glorotUniform({ seed: 3 }) });

const models: [string, (cell: Recurrent) => tfl.Sequential][] = [
  ['one layer', (cell) => tfl.sequential({ layers: [cell({ units: 7, inputShape: [5, 3] }), dense()] })],
  [
    'two layers',
    (cell) =>
      tfl.sequential({
        layers: [cell({ units: 7, inputShape: [5, 3], returnSequences: true }), cell({ units: 4 }), dense()],
      }),
  ],
  [
    'both directions',
    (cell) =>
      tfl.sequential({
        layers: [
          tfl.layers.bidirectional({ layer: cell({ units: 4 }) as never, inputShape: [5, 3], mergeMode: 'concat' }),
          dense(),
        ],
      }),
  ],
  [
    'masked steps',
    (cell) =>
      tfl.sequential({
        layers: [tfl.layers.masking({ maskValue: 0, inputShape: [5, 3] }), cell({ units: 6 }), dense()],
      }),
  ],
  [
    'a state that is kept',
    (cell) => tfl.sequential({ layers: [cell({ units: 5, stateful: true, batchInputShape: [8, 5, 3] }), dense()] }),
  ],
];

/** Sequences whose last two steps are zeros in every other row, and their sums. */
function data(): [tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    const padded = tf.tensor(
      Float32Array.from({ length: 8 * 5 }, (_, n) => (n % 10 >= 8 ? 0 : 1)),
      [8, 5, 1],
    );
    const x = tf.mul(tensor([8, 5, 3]), padded);
    return [x, tf.reshape(tf.sum(x, [1, 2]), [8, 1])];
  });
}

interface Outcome {
  losses: number[];
  predictions: Float32Array;
  reloaded: Float32Array;
  evaluated: number;
}

/** Fits, evaluates, predicts, saves and loads. */
async function trainOn(backend: string, make: () => tfl.Sequential): Promise<Outcome> {
  await tf.setBackend(backend);
  const model = make();
  model.compile({ optimizer: tf.train.rmsprop(0.02), loss: 'meanSquaredError' });
  const [x, y] = data();
  const { history } = await model.fit(x, y, { epochs: 6, batchSize: 8, shuffle: false, verbose: 0 });
  model.resetStates();
  const evaluated = (model.evaluate(x, y, { batchSize: 8 }) as tf.Scalar).dataSync()[0];
  model.resetStates();
  const predicted = model.predict(x, { batchSize: 8 }) as tf.Tensor;
  let saved: tf.io.ModelArtifacts | undefined;
  const handler = async (artifacts: tf.io.ModelArtifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } };
  };
  await model.save(tf.io.withSaveHandler(handler));
  const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved!));
  const again = loaded.predict(x, { batchSize: 8 }) as tf.Tensor;
  const outcome = {
    losses: history.loss as number[],
    predictions: predicted.dataSync<'float32'>().slice(),
    reloaded: again.dataSync<'float32'>().slice(),
    evaluated,
  };
  tf.dispose([x, y, predicted, again]);
  model.dispose();
  loaded.dispose();
  tf.disposeVariables();
  return outcome;
}

describe.skipIf(!isBuilt)('recurrent layers of tfjs-layers on the native backend', () => {
  describe.each(Object.keys(cells))('%s', (name) => {
    it.each(models)('fits, evaluates, predicts, saves and loads as on cpu: %s', async (_, make) => {
      const [cpu, native] = [
        await trainOn('cpu', () => make(cells[name])),
        await trainOn('native', () => make(cells[name])),
      ];
      expect(native.losses.at(-1)!).toBeLessThan(native.losses[0]);
      // Six updates of RMSProp, whose steps do not shrink with the gradient, enlarge what float32 sums in another order differ by.
      const same = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        expect(Array.from(a).every((value, i) => agrees(value, b[i], 1e-4))).toBe(true);
      same(native.losses, cpu.losses);
      same(native.predictions, cpu.predictions);
      same([native.evaluated], [cpu.evaluated]);
      expect([...native.reloaded]).toEqual([...native.predictions]);
    });
  });
});
