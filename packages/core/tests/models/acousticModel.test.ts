import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { AcousticModel, ConfigError, InputError, Random, type AcousticModelOptions } from '../../src/index.js';

const [B, F, D, V] = [2, 6, 3, 4];
const tiny: AcousticModelOptions = { featureSize: D, classes: V, hiddenSize: 5, layers: 2 };

let features: tf.Tensor3D;
let frameLengths: tf.Tensor1D;
let labels: tf.Tensor2D;
let labelLengths: tf.Tensor1D;

beforeAll(async () => {
  await tf.setBackend('cpu');
  features = tf.randomNormal([B, F, D], 0, 1, 'float32', 3);
  frameLengths = tf.tensor1d([F, 4], 'int32');
  labels = tf.tensor2d([1, 3, 2, -1], [B, 2], 'int32');
  labelLengths = tf.tensor1d([2, 1], 'int32');
});

const model = (options: Partial<AcousticModelOptions> = {}) =>
  new AcousticModel({ ...tiny, ...options }, new Random(1));
const batch = () => ({ features, frameLengths, labels, labelLengths });

const largestDifference = (a: tf.Tensor, b: tf.Tensor): number =>
  tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]);

describe('AcousticModel', () => {
  it.each([
    ['in one direction', {}],
    ['in both directions', { bidirectional: true }],
    ['of GRU cells with layer norm and residual connections', { cell: 'gru', layerNorm: true, residual: true }],
  ] as [string, Partial<AcousticModelOptions>][])(
    '%s: what lies beyond a row’s length changes nothing of it',
    (_, options) => {
      const acoustic = model(options);
      const { logits } = acoustic.forward(batch());
      const short = tf.slice(features, [1, 0, 0], [1, 4, D]);
      const alone = acoustic.forward({ features: short, frameLengths: tf.tensor1d([4], 'int32') });
      expect(largestDifference(tf.slice(logits, [1, 0, 0], [1, 4, V]), alone.logits)).toBeLessThan(1e-6);
    },
  );

  it('hears pieces of a recording as it hears the whole', () => {
    const acoustic = model();
    const whole = acoustic.forward({ features, frameLengths: tf.tensor1d([F, F], 'int32') }).logits;
    let state: tf.Tensor[] | undefined;
    const parts = [1, 3, 2].map((frames, index) => {
      const from = [0, 1, 4][index];
      const piece = {
        features: tf.slice(features, [0, from, 0], [B, frames, D]),
        frameLengths: tf.fill([B], frames, 'int32') as tf.Tensor1D,
      };
      const result = acoustic.forward(piece, { state });
      state = result.state;
      return result.logits;
    });
    expect(largestDifference(tf.concat(parts, 1), whole)).toBeLessThan(1e-6);
  });

  it('refuses a state where it reads in both directions', () => {
    expect(() => model({ bidirectional: true }).forward(batch(), { state: [] })).toThrow(
      /Expected state to be absent for a model of both directions/,
    );
  });

  it('is taught by CTC: gradients are those of finite differences', () => {
    const acoustic = model({ bidirectional: true });
    const loss = (): number => tf.tidy(() => acoustic.ctcLoss(batch()).loss.dataSync()[0]);
    const { grads } = tf.variableGrads(() => acoustic.ctcLoss(batch()).loss);
    for (const [name, index] of [
      ['output.bias', 2],
      ['output.kernel', 7],
      ['layers.0.forward.kernel', 4],
      ['layers.1.backward.bias', 3],
    ] as const) {
      const variable = acoustic.parameters.get(name)!;
      const values = variable.dataSync().slice();
      const at = (delta: number): number => {
        const moved = values.slice();
        moved[index] += delta;
        variable.assign(tf.tensor(moved, variable.shape));
        const value = loss();
        variable.assign(tf.tensor(values, variable.shape));
        return value;
      };
      const numeric = (at(1e-2) - at(-1e-2)) / 2e-2;
      // float32 losses of about 5 carry some 5e-7, over a step of 1e-2: 5e-5 and the step's own error.
      expect(grads[variable.name].dataSync()[index], name).toBeCloseTo(numeric, 3);
    }
  });

  describe('with consistency', () => {
    /** A model that is surer of what it says than a fresh one is. */
    const sure = () => {
      const acoustic = model();
      const kernel = acoustic.parameters.get('output.kernel')!;
      tf.tidy(() => kernel.assign(tf.mul(kernel, 10)));
      return acoustic;
    };

    /** Each recording twice, the second view with other features. */
    const views = () => {
      const twice = <T extends tf.Tensor>(tensor: T) =>
        tf.reshape(tf.stack([tensor, tensor], 1), [2 * B, ...tensor.shape.slice(1)]);
      const other = tf.randomNormal([B, F, D], 0, 1, 'float32', 4);
      return {
        features: tf.reshape(tf.stack([features, other], 1), [2 * B, F, D]),
        ...{ frameLengths: twice(frameLengths), labels: twice(labels), labelLengths: twice(labelLengths) },
      };
    };

    it('adds what the views of a recording differ by in its own frames', () => {
      const acoustic = sure();
      const plain = acoustic.ctcLoss(views());
      const { loss, losses } = acoustic.ctcLoss(views(), { consistency: 0.2 });
      expect(largestDifference(losses, plain.losses)).toBe(0);
      const said = tf.logSoftmax(acoustic.forward(views()).logits).arraySync() as number[][][];
      let difference = 0;
      for (const [recording, length] of [F, 4].entries()) {
        for (let frame = 0; frame < length; frame++) {
          const [p, q] = [said[2 * recording][frame], said[2 * recording + 1][frame]];
          for (let v = 0; v < V; v++) difference += ((Math.exp(p[v]) - Math.exp(q[v])) * (p[v] - q[v])) / 2;
        }
      }
      expect(difference).toBeGreaterThan(0.1);
      expect(loss.dataSync()[0]).toBeCloseTo(plain.loss.dataSync()[0] + (0.2 * difference) / B, 5);
    });

    it('draws the views of whole recordings together too', () => {
      const acoustic = sure();
      const labelled = { ...views(), classes: tf.tensor1d([1, 1, 3, 3], 'int32') };
      const plain = acoustic.classificationLoss(labelled).loss.dataSync()[0];
      const said = tf.logSoftmax(acoustic.classify(labelled)).arraySync() as number[][];
      let difference = 0;
      for (const recording of [0, 1]) {
        const [p, q] = [said[2 * recording], said[2 * recording + 1]];
        for (let v = 0; v < V; v++) difference += ((Math.exp(p[v]) - Math.exp(q[v])) * (p[v] - q[v])) / 2;
      }
      const { loss } = acoustic.classificationLoss(labelled, { consistency: 3 });
      expect(loss.dataSync()[0]).toBeCloseTo(plain + (3 * difference) / B, 5);
    });

    it('teaches: views come nearer to one another', () => {
      const acoustic = sure();
      const apart = () =>
        tf.tidy(
          () =>
            tf.sub(acoustic.ctcLoss(views(), { consistency: 1 }).loss, acoustic.ctcLoss(views()).loss).dataSync()[0],
        );
      const before = apart();
      const optimizer = tf.train.sgd(0.05);
      for (let step = 0; step < 10; step++) {
        optimizer.minimize(
          () => tf.sub(acoustic.ctcLoss(views(), { consistency: 1 }).loss, acoustic.ctcLoss(views()).loss) as tf.Scalar,
        );
      }
      expect(apart()).toBeLessThan(0.8 * before);
    });

    it('draws each view to the other as it stands, so that what both are given alike is not moved', () => {
      const acoustic = sure();
      const gradients = (consistency: number) =>
        tf.variableGrads(() => acoustic.ctcLoss(views(), { consistency }).loss).grads;
      const [once, twice] = [gradients(0), gradients(1)];
      const moved = (name: string): number => {
        const { name: own } = acoustic.parameters.get(name)!;
        return largestDifference(once[own], twice[own]);
      };
      expect(moved('output.kernel')).toBeGreaterThan(0.01);
      expect(moved('output.bias')).toBeLessThan(1e-6);
    });

    it('names the nearest of its options', () => {
      expect(() => model().ctcLoss(views(), { consistancy: 1 } as never)).toThrow(/consistency/);
      const labelled = { ...views(), classes: tf.tensor1d([1, 1, 3, 3], 'int32') };
      expect(() => model().classificationLoss(labelled, { labelSmoothin: 1 } as never)).toThrow(/labelSmoothing/);
    });

    it('refuses a recording without its second view, and weights that are none', () => {
      const odd = { features: tf.slice(features, 0, 1), frameLengths: tf.slice(frameLengths, 0, 1) };
      const one = { ...odd, labels: tf.slice(labels, 0, 1), labelLengths: tf.slice(labelLengths, 0, 1) };
      expect(() => model().ctcLoss(one, { consistency: 0.2 })).toThrow(
        new InputError('Expected features to be two rows for each recording with consistency, got 1'),
      );
      for (const consistency of [-1, NaN, Infinity]) {
        expect(() => model().ctcLoss(views(), { consistency })).toThrow(
          /Expected consistency to be a number of at least 0/,
        );
      }
    });
  });

  it('counts labels that do not fit into their frames as nothing', () => {
    const crowded = { ...batch(), frameLengths: tf.tensor1d([F, 0], 'int32') };
    const { loss, losses } = model().ctcLoss(crowded);
    expect(losses.dataSync()[1]).toBe(0);
    expect(loss.dataSync()[0]).toBeCloseTo(losses.dataSync()[0] / 2, 5);
  });

  it('tells whole recordings apart by the mean over their own frames', () => {
    const acoustic = model();
    const logits = acoustic.classify(batch());
    const frames = acoustic.forward(batch()).logits;
    // The output is linear, so the mean of the frames' logits is the logits of the mean.
    const mean = tf.mean(tf.slice(frames, [1, 0, 0], [1, 4, V]), 1);
    expect(largestDifference(tf.slice(logits, [1, 0], [1, V]), mean)).toBeLessThan(1e-6);
    const classes = tf.tensor1d([1, 3], 'int32');
    const { loss, losses } = acoustic.classificationLoss({ ...batch(), classes });
    const expected = tf.neg(tf.sum(tf.mul(tf.oneHot(classes, V), tf.logSoftmax(logits)), 1));
    expect(largestDifference(losses, expected)).toBeLessThan(1e-6);
    expect(loss.dataSync()[0]).toBeCloseTo(tf.mean(expected).dataSync()[0], 5);
  });

  it('tells whole recordings apart by what their own frames say, as of sqrt(F) experts', () => {
    const acoustic = model({ pooling: 'frames' });
    const logits = acoustic.classify(batch());
    const frames = acoustic.forward(batch()).logits;
    for (const [row, length] of [F, 4].entries()) {
      const said = tf.logSoftmax(tf.slice(frames, [row, 0, 0], [1, length, V]));
      const expected = tf.div(tf.sum(said, 1), Math.sqrt(length));
      expect(largestDifference(tf.slice(logits, [row, 0], [1, V]), expected)).toBeLessThan(1e-6);
    }
    const nothing = acoustic.classify({ features, frameLengths: tf.tensor1d([F, 0], 'int32') });
    expect(Array.from(tf.slice(nothing, [1, 0], [1, V]).dataSync(), Math.abs)).toEqual([0, 0, 0, 0]);
  });

  it('drops out in training only, by the generator it is given', () => {
    const acoustic = model({ dropout: { input: 0.3, between: 0.3, output: 0.3, recurrent: 0.2, weight: 0.2 } });
    const logits = (options: object) => acoustic.forward(batch(), options).logits;
    expect(largestDifference(logits({}), logits({ random: new Random(5) }))).toBe(0);
    const trained = (seed: number) => logits({ training: true, random: new Random(seed) });
    expect(largestDifference(trained(5), trained(5))).toBe(0);
    expect(largestDifference(trained(5), trained(6))).toBeGreaterThan(0.01);
  });

  it('is made again from its configuration, with the names of its weights', () => {
    const acoustic = model({ bidirectional: true });
    const again = AcousticModel.fromJSON(acoustic.toJSON(), new Random(1));
    expect(again.toJSON()).toEqual(acoustic.toJSON());
    expect([...again.parameters.keys()]).toEqual([...acoustic.parameters.keys()]);
    expect(largestDifference(again.forward(batch()).logits, acoustic.forward(batch()).logits)).toBe(0);
    const sizes = [...acoustic.parameters.values()].map(({ size }) => size);
    expect(acoustic.parameterCount).toBe(sizes.reduce((a, b) => a + b));
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const acoustic = model();
    tf.dispose(acoustic.ctcLoss(batch(), { training: true, consistency: 0.2 }));
    tf.dispose(acoustic.forward(batch()));
    acoustic.classify(batch()).dispose();
    acoustic.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses wrong options and shapes in one line', () => {
    expect(() => model({ hiddenSize: 0 })).toThrow(ConfigError);
    expect(() => model({ units: 3 } as never)).toThrow(/units/);
    const misspelt = { trainning: true } as never;
    const message = /knows, got trainning; did you mean training\?/;
    expect(() => model().forward(batch(), misspelt)).toThrow(message);
    expect(() => model().classify(batch(), misspelt)).toThrow(message);
    expect(() => model().ctcLoss(batch() as never, misspelt)).toThrow(message);
    expect(() => model().classificationLoss(batch() as never, misspelt)).toThrow(message);
    expect(() => model().forward({ features, frameLengths: tf.tensor1d([1], 'int32') })).toThrow(InputError);
    expect(() => model().forward({ features: tf.zeros([B, F, D + 1]), frameLengths })).toThrow(
      /Expected features to have shape \[B=2, F=6, 3\], got \[2, 6, 4\]/,
    );
  });
});
