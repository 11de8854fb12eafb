import { describe, expect, it } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import {
  Bidirectional,
  GRU,
  LSTM,
  Random,
  SimpleRNN,
  gru,
  gruTrace,
  lstm,
  lstmTrace,
  rnnTrace,
  simpleRnn,
  type GruArgs,
} from '@cadenza/core';
import { loadAddon } from '../../src/addon.js';
import { computeOn, expectSameOnNative, isBuilt, nativeBackends, numbers, tensor } from '../onBoth.js';

// Sums of up to 33 * 3 products in float32, in another order than JavaScript's float64 sums.
const TOLERANCE = 2e-5;
// Layer norm multiplies that by 1 / deviation of its rows.
const NORM_TOLERANCE = 2e-4;
// Gradients of weights are sums of thousands of terms here.
const LONG_TOLERANCE = 5e-4;

interface Case {
  B: number;
  T: number;
  D: number;
  H: number;
  ids: boolean;
  lengths: boolean;
  mask: boolean;
  zoneout: 'none' | 'mask' | 'rate';
  reverse: boolean;
  norms: 'none' | 'input' | 'recurrent' | 'both';
}

const SIZES = [
  { B: 1, T: 1, D: 1, H: 1 },
  { B: 2, T: 3, D: 4, H: 5 },
  { B: 7, T: 5, D: 33, H: 7 },
  { B: 33, T: 7, D: 3, H: 33 },
  { B: 5, T: 2, D: 16, H: 64 },
];

/** All options one by one, in pairs that meet in the same loop, and all together. */
const CASES: Case[] = SIZES.flatMap((sizes) =>
  [
    {},
    { ids: true },
    { lengths: true },
    { mask: true },
    { zoneout: 'mask' as const },
    { zoneout: 'rate' as const },
    { reverse: true },
    { reverse: true, lengths: true },
    { ids: true, lengths: true, mask: true, zoneout: 'mask' as const, reverse: true },
    { lengths: true, mask: true, zoneout: 'rate' as const },
    { norms: 'input' as const },
    { norms: 'recurrent' as const, zoneout: 'rate' as const },
    { norms: 'both' as const, ids: true, lengths: true },
    { norms: 'both' as const, lengths: true, mask: true, zoneout: 'mask' as const, reverse: true },
  ].map((options) => ({
    ids: false,
    lengths: false,
    mask: false,
    zoneout: 'none' as const,
    reverse: false,
    norms: 'none' as const,
    ...sizes,
    ...options,
  })),
);

const name = (c: Case) =>
  `B${c.B} T${c.T} D${c.D} H${c.H}` +
  `${c.ids ? ' ids' : ''}${c.lengths ? ' lengths' : ''}${c.mask ? ' mask' : ''}` +
  `${c.zoneout === 'none' ? '' : ` zoneout ${c.zoneout}`}${c.reverse ? ' reverse' : ''}` +
  `${c.norms === 'none' ? '' : ` norms ${c.norms}`}`;

/** Zeros and ones. */
const zeroOne = (shape: number[], seed: number) => tf.cast(tf.greater(tensor(shape, seed), 0), 'float32');

function makeInputs(c: Case, gates: number) {
  const { B, T, D, H } = c;
  const ids = Int32Array.from({ length: B * T }, (_, i) => (i * 7) % D);
  return {
    x: c.ids ? tf.tensor(ids, [B, T], 'int32') : tensor([B, T, D], 1),
    kernel: tensor([D, gates * H], 2, 0.5),
    recurrentKernel: tensor([H, gates * H], 3, 0.5),
    h0: tensor([B, H], 5),
    lengths: c.lengths
      ? tf.tensor(
          Int32Array.from({ length: B }, (_, b) => b % (T + 1)),
          [B],
          'int32',
        )
      : undefined,
    recurrentMask: c.mask ? tf.mul(zeroOne([B, H], 6), 2) : undefined,
    zoneoutMaskH: c.zoneout === 'mask' ? zeroOne([B, T, H], 7) : undefined,
    zoneoutH: c.zoneout === 'rate' ? 0.25 : 0,
    reverse: c.reverse,
  };
}

/** Gain and bias of the layer norms that a case has. */
function makeNorms({ H, norms }: Case, gates: number): tf.Tensor[] {
  const norm = (seed: number) => tf.add(tensor([2, gates * H], seed, 0.5), 0.75);
  return [
    ...(norms === 'input' || norms === 'both' ? [norm(11)] : []),
    ...(norms === 'none' || norms === 'input' ? [] : [norm(12)]),
  ];
}
/** The same tensors by the names of their arguments. */
function namedNorms({ norms }: Case, given: tf.Tensor[]) {
  if (norms === 'both') return { normInput: given[0], normRecurrent: given[1] };
  return norms === 'input' ? { normInput: given[0] } : norms === 'recurrent' ? { normRecurrent: given[0] } : {};
}

/** The outputs and, weighted by numbers that differ, the gradients of everything that has one. */
function outputsAndGradients(run: (weights: tf.Tensor[]) => tf.Tensor[], weights: tf.Tensor[]): tf.Tensor[] {
  const outputs = run(weights);
  const loss = (...given: tf.Tensor[]) => {
    const parts = run(given).map((output, index) => tf.sum(tf.mul(output, tensor(output.shape, 40 + index))));
    return tf.addN(parts) as tf.Scalar;
  };
  const dense = weights.filter(({ dtype }) => dtype === 'float32');
  const rest = weights.filter(({ dtype }) => dtype !== 'float32');
  return [...outputs, ...tf.grads((...given: tf.Tensor[]) => loss(...rest, ...given))(dense)];
}

describe.skipIf(!isBuilt)('the native recurrent kernels', () => {
  const plain = CASES.filter(({ norms }) => norms === 'none');
  it.each(plain.map((c) => [name(c), c] as const))('LSTM equals the generic kernel: %s', async (_, c) => {
    await expectSameOnNative(() => {
      const { x, kernel, recurrentKernel, h0, ...rest } = makeInputs(c, 4);
      const zoneoutMaskC = c.zoneout === 'mask' ? zeroOne([c.B, c.T, c.H], 8) : undefined;
      const zoneoutC = c.zoneout === 'rate' ? 0.5 : 0;
      const run = ([x, kernel, recurrentKernel, h0, bias, c0]: tf.Tensor[]) => {
        const result = lstm({ x, kernel, recurrentKernel, h0, bias, c0, ...rest, zoneoutMaskC, zoneoutC });
        return [result.outputs, result.h, result.c];
      };
      return outputsAndGradients(run, [x, kernel, recurrentKernel, h0, tensor([4 * c.H], 9), tensor([c.B, c.H], 10)]);
    }, TOLERANCE);
  });

  it.each(CASES.flatMap((c) => [true, false].map((resetAfter) => [name(c), resetAfter, c] as const)))(
    'GRU equals the generic kernel: %s, resetAfter %s',
    async (_, resetAfter, c) => {
      await expectSameOnNative(() => {
        const { x, kernel, recurrentKernel, h0, ...rest } = makeInputs(c, 3);
        const run = ([x, kernel, recurrentKernel, h0, bias, ...norms]: tf.Tensor[]) => {
          const named = namedNorms(c, norms);
          const result = gru({ x, kernel, recurrentKernel, h0, bias, ...named, ...rest, resetAfter });
          return [result.outputs, result.h];
        };
        const bias = tensor(resetAfter ? [2, 3 * c.H] : [3 * c.H], 9);
        return outputsAndGradients(run, [x, kernel, recurrentKernel, h0, bias, ...makeNorms(c, 3)]);
      }, TOLERANCE);
    },
  );

  it.each(CASES.flatMap((c) => (['tanh', 'relu'] as const).map((activation) => [name(c), activation, c] as const)))(
    'the Elman network equals the generic kernel: %s, %s',
    async (_, activation, c) => {
      await expectSameOnNative(() => {
        const { x, kernel, recurrentKernel, h0, ...rest } = makeInputs(c, 1);
        const run = ([x, kernel, recurrentKernel, h0, bias, ...norms]: tf.Tensor[]) => {
          const result = simpleRnn({
            ...namedNorms(c, norms),
            x,
            kernel,
            recurrentKernel: tf.mul(recurrentKernel, 0.3),
            h0,
            bias,
            ...rest,
            activation,
          });
          return [result.outputs, result.h];
        };
        return outputsAndGradients(run, [x, kernel, recurrentKernel, h0, tensor([c.H], 9), ...makeNorms(c, 1)]);
      }, TOLERANCE);
    },
  );

  it('traces the same gates as the generic kernels, zero at padded steps', async () => {
    const sizes = { B: 3, T: 4, D: 5, H: 6 };
    const c: Case = {
      ...sizes,
      ids: false,
      lengths: true,
      mask: false,
      zoneout: 'none',
      reverse: false,
      norms: 'none',
    };
    await expectSameOnNative(
      () => Object.values(lstmTrace({ ...makeInputs(c, 4), bias: tensor([24], 9), c0: tensor([3, 6], 8) })),
      TOLERANCE,
    );
    await expectSameOnNative(
      () => Object.values(gruTrace({ ...makeInputs(c, 3), bias: tensor([2, 18], 9) })),
      TOLERANCE,
    );
    await expectSameOnNative(() => Object.values(rnnTrace({ ...makeInputs(c, 1), bias: tensor([6], 9) })), TOLERANCE);
  });

  it.each([
    { B: 2, T: 3, D: 4, H: 5, P: 3, normed: 'projection', lengths: false, mask: false, zoneout: 'none' as const },
    { B: 3, T: 5, D: 7, H: 33, P: 40, normed: 'projection', lengths: true, mask: true, zoneout: 'mask' as const },
    { B: 7, T: 4, D: 3, H: 17, P: 0, normed: 'normInput', lengths: true, mask: false, zoneout: 'none' as const },
    { B: 7, T: 4, D: 3, H: 17, P: 0, normed: 'normRecurrent', lengths: false, mask: true, zoneout: 'rate' as const },
    { B: 7, T: 4, D: 3, H: 17, P: 0, normed: 'normCell', lengths: true, mask: false, zoneout: 'mask' as const },
    { B: 2, T: 1, D: 3, H: 9, P: 4, normed: 'all', lengths: false, mask: false, zoneout: 'none' as const },
    { B: 13, T: 6, D: 5, H: 35, P: 7, normed: 'all', lengths: true, mask: true, zoneout: 'mask' as const },
  ])('LSTM with $normed equals the generic kernel: B$B T$T H$H P$P', async (options) => {
    for (const [ids, reverse] of [
      [false, false],
      [true, true],
    ]) {
      await expectSameOnNative(() => {
        const c: Case & { P: number } = { ...options, ids, reverse, norms: 'none' };
        const { B, T, H } = c;
        const { normed } = options;
        const P = c.P || H;
        const { x, kernel, lengths, zoneoutH } = makeInputs(c, 4);
        const has = (name: string) => normed === name || normed === 'all';
        const optional = {
          ...(c.P > 0 ? { projection: tensor([H, P], 13, 0.5) } : {}),
          ...(has('normInput') ? { normInput: tensor([2, 4 * H], 14) } : {}),
          ...(has('normRecurrent') ? { normRecurrent: tensor([2, 4 * H], 15) } : {}),
          ...(has('normCell') ? { normCell: tensor([2, H], 16) } : {}),
        };
        const recurrentKernel = tensor([P, 4 * H], 3, 0.5);
        const [h0, bias, c0] = [tensor([B, P], 5), tensor([4 * H], 9), tensor([B, H], 10)];
        const masks = {
          recurrentMask: c.mask ? tf.mul(zeroOne([B, P], 6), 2) : undefined,
          zoneoutMaskH: c.zoneout === 'mask' ? zeroOne([B, T, P], 7) : undefined,
          zoneoutMaskC: c.zoneout === 'mask' ? zeroOne([B, T, H], 8) : undefined,
        };
        const run = ([x, kernel, recurrentKernel, h0, bias, c0, ...rest]: tf.Tensor[]) => {
          const given = Object.fromEntries(Object.keys(optional).map((key, index) => [key, rest[index]]));
          const result = lstm({
            ...{ x, kernel, recurrentKernel, h0, bias, c0, lengths, zoneoutH, reverse },
            ...masks,
            ...given,
          });
          return [result.outputs, result.h, result.c];
        };
        return outputsAndGradients(run, [x, kernel, recurrentKernel, h0, bias, c0, ...Object.values(optional)]);
      }, NORM_TOLERANCE);
    }
  });

  it('an LSTM of more steps than make their input products at once equals the generic kernel', async () => {
    for (const [lengths, reverse] of [
      [false, false],
      [true, true],
    ]) {
      await expectSameOnNative(() => {
        const [B, T, D, H] = [500, 11, 2, 3];
        const c: Case = {
          ...{ B, T, D, H, lengths, reverse },
          ids: false,
          mask: false,
          zoneout: 'none',
          norms: 'none',
        };
        const run = ([x, kernel, recurrentKernel, h0, bias]: tf.Tensor[]) => {
          const result = lstm({ ...makeInputs(c, 4), x, kernel, recurrentKernel, h0, bias });
          return [result.outputs, result.h, result.c];
        };
        const { x, kernel, recurrentKernel, h0 } = makeInputs(c, 4);
        return outputsAndGradients(run, [x, kernel, recurrentKernel, h0, tensor([4 * H], 9)]);
      }, LONG_TOLERANCE);
    }
  });

  it('lets nothing of padded steps through an LSTM, NaN and infinity neither', async () => {
    await tf.setBackend('native');
    const [B, T, D, H] = [4, 6, 3, 5];
    const lengths = [6, 0, 2, 5];
    const run = (padding: number, normed: boolean) =>
      tf.tidy(() => {
        const values = numbers(B * T * D, 1);
        lengths.forEach((length, b) => values.fill(padding, (b * T + length) * D, (b + 1) * T * D));
        const weights = [tensor([D, 4 * H], 2), tensor([H, 4 * H], 3), tensor([4 * H], 4), tensor([2, 4 * H], 5)];
        const forward = ([x, kernel, recurrentKernel, bias, norm]: tf.Tensor[]) => {
          const norms = normed ? { normInput: norm, normRecurrent: norm } : {};
          const ragged = tf.tensor(lengths, [B], 'int32');
          const { outputs, h, c } = lstm({ x, kernel, recurrentKernel, bias, lengths: ragged, ...norms });
          return [outputs, tf.add(h, tf.sum(norm)), c];
        };
        const results = outputsAndGradients(forward, [tf.tensor(values, [B, T, D]), ...weights]);
        return results.map((result) => result.dataSync().slice());
      });
    for (const normed of [false, true]) {
      const expected = run(0, normed);
      expect(expected.flatMap((values) => [...values]).every(Number.isFinite)).toBe(true);
      for (const padding of [NaN, Infinity]) expect(run(padding, normed)).toEqual(expected);
    }
  });

  it.each([
    ['GRU', 3, (args: GruArgs) => gru(args)],
    ['GRU that resets before', 3, (args: GruArgs) => gru({ ...args, resetAfter: false })],
    ['Elman network', 1, (args: GruArgs) => simpleRnn({ ...args, activation: 'tanh' })],
  ] as const)('the %s lets nothing of padded steps through, NaN and infinity neither', async (label, gates, layer) => {
    await tf.setBackend('native');
    const [B, T, D, H] = [5, 6, 4, 7];
    const lengths = [6, 0, 3, 5, 1];
    const run = (padding: number, reverse: boolean) =>
      tf.tidy(() => {
        const values = numbers(B * T * D, 1);
        for (let row = 0; row < B; row++) values.fill(padding, (row * T + lengths[row]) * D, (row + 1) * T * D);
        const bias = tensor(label === 'GRU' ? [2, gates * H] : [gates * H], 4);
        const norms = [tensor([2, gates * H], 6), tensor([2, gates * H], 7)];
        const weights = [tensor([D, gates * H], 2), tensor([H, gates * H], 3), bias, tensor([B, H], 5), ...norms];
        const forward = ([x, kernel, recurrentKernel, bias, h0, normInput, normRecurrent]: tf.Tensor[]) => {
          const ragged = tf.tensor(lengths, [B], 'int32');
          const given = { x, kernel, recurrentKernel, bias, h0, normInput, normRecurrent, lengths: ragged, reverse };
          const { outputs, h } = layer(given);
          return [outputs, h];
        };
        const results = outputsAndGradients(forward, [tf.tensor(values, [B, T, D]), ...weights]);
        return results.map((result) => result.dataSync().slice());
      });
    for (const reverse of [false, true]) {
      const expected = run(0, reverse);
      expect(expected.flatMap((values) => [...values]).every(Number.isFinite)).toBe(true);
      for (const padding of [NaN, Infinity]) expect(run(padding, reverse)).toEqual(expected);
    }
  });

  it('decodes step by step with packed weights as in one sequence', async () => {
    await tf.setBackend('native');
    const [B, T, D, H] = [3, 6, 4, 33];
    const before = tf.memory().numTensors;
    const difference = tf.tidy(() => {
      const x = tensor([B, T, D], 1) as tf.Tensor3D;
      const weights = {
        kernel: tensor([D, 4 * H], 2),
        recurrentKernel: tensor([H, 4 * H], 3),
        bias: tensor([4 * H], 4),
      };
      const whole = lstm({ x, ...weights });
      let state: { h?: tf.Tensor; c?: tf.Tensor } = {};
      const steps: tf.Tensor[] = [];
      for (let t = 0; t < T; t++) {
        const step = lstm({ x: tf.slice(x, [0, t, 0], [B, 1, D]), ...weights, h0: state.h, c0: state.c });
        steps.push(step.outputs);
        state = step;
      }
      return tf.max(tf.abs(tf.sub(tf.concat(steps, 1), whole.outputs))).dataSync()[0];
    });
    expect(difference).toBeLessThan(1e-6);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('packs again when the weights of single steps change', async () => {
    await tf.setBackend('native');
    const x = tensor([1, 1, 3], 1);
    const bias = tf.zeros([16]);
    const kernel = tf.variable(tensor([3, 16], 2));
    const recurrentKernel = tf.variable(tensor([4, 16], 3));
    const h0 = tf.ones([1, 4]);
    const step = () => tf.tidy(() => lstm({ x, kernel, recurrentKernel, bias, h0 }).outputs.dataSync().slice());
    const first = step();
    expect(step()).toEqual(first);
    for (const weight of [kernel, recurrentKernel]) {
      const old = step();
      weight.assign(tensor(weight.shape, 77));
      const sequence = tf.tidy(
        () => lstm({ x: tf.tile(x as tf.Tensor3D, [1, 2, 1]), kernel, recurrentKernel, bias, h0 }).outputs,
      );
      const expected = sequence.dataSync().slice(0, 4);
      const got = step();
      expect(got).not.toEqual(old);
      got.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
      sequence.dispose();
    }
    tf.dispose([x, bias, kernel, recurrentKernel, h0]);
  });

  it('refuses an id outside the table, naming it', async () => {
    await tf.setBackend('native');
    const run = () =>
      tf.tidy(() =>
        lstm({
          x: tf.tensor([0, 9], [1, 2], 'int32'),
          kernel: tensor([4, 8]),
          recurrentKernel: tensor([2, 8]),
          bias: tf.zeros([8]),
        }),
      );
    expect(run).toThrow('Expected ids to be of [0, 4), got 9 at position 1');
  });

  it.each(nativeBackends)('refuses a length beyond the steps on %s, naming it', async (backend) => {
    await tf.setBackend(backend);
    const run = () => {
      const lengths = tf.tensor([1, 3], [2], 'int32');
      const weights = { kernel: tensor([4, 8]), recurrentKernel: tensor([2, 8]), bias: tf.zeros([8]) };
      return lstm({ x: tensor([2, 2, 4]), ...weights, lengths });
    };
    expect(() => tf.tidy(run)).toThrow('Expected lengths to be of [0, 3), got 3 at position 1');
  });
});

describe.skipIf(!isBuilt)('two directions at a time', () => {
  const addon = loadAddon().addon!;
  const [B, T, D, H] = [5, 6, 7, 20];
  const layersOf = { lstm: LSTM, gru: GRU, rnn: SimpleRNN };

  const bidirectional = (cell: keyof typeof layersOf) => () => {
    const layer = new Bidirectional({ layer: new layersOf[cell]({ units: H, seed: 3, recurrentDropout: 0.2 }) });
    layer.build([B, T, D]);
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const x = tensor([B, T, D], 1);
    const lengths = tf.tensor1d([6, 1, 3, 6, 2], 'int32');
    const run = () => layer.run(x, { lengths, training: true, random: new Random(7) });
    const { value, grads } = tf.variableGrads(
      () => tf.addN([run().outputs, ...run().states].map((output) => tf.sum(tf.square(output)))) as tf.Scalar,
      variables,
    );
    const results = [run().outputs, value, ...variables.map(({ name }) => grads[name])];
    layer.dispose();
    return results;
  };

  it.each(['lstm', 'gru', 'rnn'] as const)('equal the cpu backend: %s', async (cell) => {
    await expectSameOnNative(bidirectional(cell), 1e-5);
  });

  it.each(['lstm', 'gru', 'rnn'] as const)('do not depend on the number of threads: %s', async (cell) => {
    const threads = addon.threads();
    try {
      const results = [];
      for (const count of [1, 2, 3]) {
        addon.setThreads(count);
        results.push((await computeOn('native', bidirectional(cell))).map(({ values }) => [...values]));
      }
      expect(results[1]).toEqual(results[0]);
      expect(results[2]).toEqual(results[0]);
    } finally {
      addon.setThreads(threads);
    }
  });

  it('name an id that is out of range, and leave nothing behind', async () => {
    await tf.setBackend('native');
    const layer = new Bidirectional({ layer: new LSTM({ units: H }) });
    layer.build([B, T, 4]);
    const before = tf.memory().numTensors;
    const threads = addon.threads();
    addon.setThreads(2);
    try {
      const ids = tf.tensor2d([[0, 3, 4]], [1, 3], 'int32');
      expect(() => layer.run(ids)).toThrow('Expected ids to be of [0, 4), got 4 at position 2');
      ids.dispose();
    } finally {
      addon.setThreads(threads);
    }
    expect(tf.memory().numTensors).toBe(before);
    layer.dispose();
  });
});
