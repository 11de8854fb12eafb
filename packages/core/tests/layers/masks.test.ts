import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Bidirectional, GRU, LSTM, RecurrentStack, SimpleRNN, type SequenceLayer } from '../../src/index.js';
import { packMasked } from '../../src/layers/masks.js';

const [B, T, D, H] = [3, 4, 2, 5];
const all = { units: H, seed: 1, returnSequences: true };
const layers: [string, () => SequenceLayer][] = [
  ['SimpleRNN', () => new SimpleRNN(all)],
  ['LSTM', () => new LSTM(all)],
  ['GRU', () => new GRU(all)],
  ['LSTM walking backwards', () => new LSTM({ ...all, goBackwards: true })],
  ['Bidirectional', () => new Bidirectional({ layer: new GRU(all) })],
  ['RecurrentStack', () => new RecurrentStack({ ...all, layers: 2, bidirectional: 1 })],
];

/** Padding at the right, at the left, and anywhere; the second row is whole, the third has one step. */
const masks = {
  right: [
    [1, 1, 0, 0],
    [1, 1, 1, 1],
    [1, 0, 0, 0],
  ],
  left: [
    [0, 0, 1, 1],
    [1, 1, 1, 1],
    [0, 0, 0, 1],
  ],
  scattered: [
    [0, 1, 0, 1],
    [1, 1, 1, 1],
    [0, 1, 0, 0],
  ],
};

const close = (actual: tf.Tensor, wanted: tf.Tensor): void =>
  // float32 sums in another order
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.dataSync(), 1e-6);

let x: tf.Tensor3D;

/** Row b alone, its masked steps cut out. */
function validSteps(b: number, mask: number[][]): tf.Tensor3D {
  const steps = mask[b].flatMap((valid, t) => (valid ? [t] : []));
  return tf.gather(tf.slice(x, [b, 0, 0], [1, T, D]), tf.tensor1d(steps, 'int32'), 1);
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  x = tf.randomNormal([B, T, D], 0, 1, 'float32', 5);
});

describe.each(layers)('%s', (_name, make) => {
  it.each(Object.entries(masks))(
    'computes with padding at the %s what it computes of the valid steps alone',
    (_where, mask) => {
      const layer = make();
      const outputs = layer.apply(x, { mask: tf.tensor2d(mask, [B, T], 'bool') }) as tf.Tensor3D;
      for (let b = 0; b < B; b++) {
        const alone = layer.apply(validSteps(b, mask)) as tf.Tensor3D;
        const order = layer.goBackwards ? [...mask[b]].reverse() : mask[b];
        let step = 0;
        order.forEach((valid, t) => {
          const output = tf.slice(outputs, [b, t, 0], [1, 1, -1]);
          close(output, valid ? tf.slice(alone, [0, step++, 0], [1, 1, -1]) : tf.zerosLike(output));
        });
      }
    },
  );

  it('hands the gradient of masked steps nothing', () => {
    const layer = make();
    layer.build(x.shape);
    const mask = tf.tensor2d(masks.scattered, [B, T], 'bool');
    const gradient = tf.grad((input: tf.Tensor) => tf.sum(tf.square(layer.call(input, { mask }) as tf.Tensor)))(
      x as tf.Tensor,
    );
    const reached = tf.cast(tf.any(tf.notEqual(gradient, 0), -1), 'int32').arraySync();
    expect(reached).toEqual(masks.scattered);
  });
});

describe('A mask', () => {
  it('comes from a Masking layer', () => {
    const mask = tf.tensor(masks.right, [B, T, 1]);
    const padded = tf.mul(x, mask);
    const layer = new LSTM({ units: H, seed: 1 });
    const model = tfl.sequential({ layers: [tfl.layers.masking({ inputShape: [T, D] }), layer] });
    const alone = layer.apply(validSteps(0, masks.right)) as tf.Tensor;
    close(tf.slice(model.predict(padded) as tf.Tensor, [0, 0], [1, H]), alone);
  });

  it('comes from an Embedding layer and reaches the layers after a recurrent one', () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.embedding({ inputDim: 5, outputDim: D, maskZero: true, inputLength: T }),
        new GRU({ ...all, goBackwards: true }),
        new LSTM({ units: H, seed: 2 }),
      ],
    });
    const whole = model.predict(tf.tensor2d([[1, 2, 3, 4]])) as tf.Tensor;
    const left = model.predict(tf.tensor2d([[0, 0, 1, 2]])) as tf.Tensor;
    const right = model.predict(tf.tensor2d([[1, 2, 0, 0]])) as tf.Tensor;
    close(left, right);
    expect(left.dataSync()).not.toEqual(whole.dataSync());
  });

  it('changes nothing where every step counts', () => {
    const layer = new LSTM({ units: H, seed: 1 });
    close(layer.apply(x, { mask: tf.ones([B, T], 'bool') }) as tf.Tensor, layer.apply(x) as tf.Tensor);
  });

  it('of another shape is refused', () => {
    expect(() => new LSTM({ units: H }).apply(x, { mask: tf.ones([B, T + 1], 'bool') })).toThrow(
      'Expected mask to have shape [3, 4], got [3, 5]',
    );
  });

  it('leaks nothing', () => {
    const layer = new LSTM(all);
    const mask = tf.tensor2d(masks.scattered, [B, T], 'bool');
    tf.dispose(layer.apply(x, { mask }) as tf.Tensor);
    const before = tf.memory().numTensors;
    tf.dispose(layer.apply(x, { mask }) as tf.Tensor);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('Packing', () => {
  it('and unpacking puts every valid step back and makes the others zero, for any mask', () => {
    const row = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 2, maxLength: 2 }), (mask) => {
        tf.tidy(() => {
          const [batch, time] = [2, 4];
          const steps = tf.reshape(tf.range(1, 1 + batch * time), [batch, time, 1]) as tf.Tensor3D;
          const packed = packMasked(steps, tf.tensor2d(mask, [batch, time], 'bool'));
          const lengths = packed.lengths?.dataSync() ?? [time, time];
          expect(Array.from(lengths)).toEqual(mask.map((valid) => valid.filter(Boolean).length));
          // What an operation would put out: the step itself while the row lasts, then zeros.
          const valid = tf.less(tf.range(0, time), tf.reshape(tf.tensor1d(Array.from(lengths)), [batch, 1]));
          const outputs = tf.mul(packed.x, tf.expandDims(tf.cast(valid, 'float32'), -1)) as tf.Tensor3D;
          const expected = mask.map((flags, b) => flags.map((flag, t) => [flag ? 1 + b * time + t : 0]));
          expect(packed.unpack(outputs).arraySync()).toEqual(expected);
        });
      }),
    );
  });
});
