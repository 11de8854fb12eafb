import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lstm, lstmTrace, registerCadenzaKernels } from '../../src/ops/index.js';
import { LSTM_OP, type LstmArgs } from '../../src/ops/lstm.js';
import { lstmBackward, lstmForward, type LstmData } from '../../src/ops/lstmKernel.js';
import { lstmReference } from '../../src/ops/lstmReference.js';
import {
  algebra64,
  combinations,
  differences,
  distance,
  draw,
  kernelGradientErrors,
  ODD,
  resultsAndGradients,
  SMALL,
  titleOf,
  toFloat64,
  type Result,
  type Sizes,
} from './recurrentCases.js';

const OPTIONS = ['lengths', 'reverse', 'recurrentMask', 'zoneoutMasks', 'projection', 'norms', 'ids'] as const;
type Options = Partial<Record<(typeof OPTIONS)[number] | 'zoneoutRates' | 'noStates', boolean>>;

function makeArgs(options: Options, { B, T, D, H, P = 3 }: Sizes, seed = 1): LstmArgs {
  const { floats, mask, integers, norm, lengths } = draw(seed);
  const size = options.projection ? P : H;
  const args: LstmArgs = {
    x: options.ids ? integers([B, T], D) : floats([B, T, D]),
    kernel: floats([D, 4 * H], 0.5),
    recurrentKernel: floats([size, 4 * H], 0.5),
    bias: floats([4 * H], 0.5),
    reverse: options.reverse,
  };
  if (!options.noStates) Object.assign(args, { h0: floats([B, size]), c0: floats([B, H]) });
  if (options.lengths) args.lengths = lengths(B, T);
  if (options.recurrentMask) args.recurrentMask = mask([B, size], 1 / 0.6);
  if (options.zoneoutMasks) {
    args.zoneoutMaskH = mask([B, T, size], 1);
    args.zoneoutMaskC = mask([B, T, H], 1);
  }
  if (options.zoneoutRates) Object.assign(args, { zoneoutH: 0.2, zoneoutC: 0.4 });
  if (options.projection) args.projection = floats([H, P], 0.5);
  if (options.norms) {
    Object.assign(args, { normInput: norm(4 * H), normRecurrent: norm(4 * H), normCell: norm(H) });
  }
  return args;
}

const results = (run: (args: LstmArgs) => object) => (args: LstmArgs) => run(args) as Result;

// The reference rounds every intermediate to float32 (6e-8 each), which adds up over the steps; layer norms multiply that by
// 1 / deviation of rows that are as short as 3 here. Float64, below, is where the equations are held to many digits.
const TOLERANCE = 2e-5;
const NORM_TOLERANCE = 2e-4;

describe('lstm', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const cases: [string, Options, Sizes][] = [
    ...combinations(OPTIONS).map((options): [string, Options, Sizes] => [titleOf(options), options, SMALL]),
    ['zoneout rates', { zoneoutRates: true, lengths: true }, SMALL],
    ['zoneout rates with norms and projection', { zoneoutRates: true, norms: true, projection: true }, SMALL],
    ['no initial states', { noStates: true }, SMALL],
    ...ODD.map((sizes): [string, Options, Sizes] => [`sizes ${Object.values(sizes)}`, { lengths: true }, sizes]),
    ...ODD.slice(1).map((sizes): [string, Options, Sizes] => [
      `all options at sizes ${Object.values(sizes)}`,
      Object.fromEntries(OPTIONS.map((name) => [name, name !== 'ids'])),
      sizes,
    ]),
  ];

  it.each(cases)('equals the readable reference, and its gradients too: %s', (_title, options, sizes) => {
    const args = makeArgs(options, sizes);
    const got = resultsAndGradients(results(lstm), args, LSTM_OP.differentiable);
    const wanted = resultsAndGradients(results(lstmReference), args, LSTM_OP.differentiable);
    const tolerance = options.norms ? NORM_TOLERANCE : TOLERANCE;
    expect(differences(got.results, wanted.results, tolerance)).toEqual([]);
    expect(differences(got.gradients, wanted.gradients, tolerance)).toEqual([]);
  });

  it.each(cases)('has the gradients of finite differences: %s', (_title, options, sizes) => {
    const args = makeArgs({ ...options, noStates: false }, sizes, 2);
    const { zoneoutH = 0, zoneoutC = 0, reverse = false, ...tensors } = args;
    const P = args.recurrentKernel.shape[0];
    const base = toFloat64(tensors as unknown as Record<string, tf.Tensor>, sizes, reverse);
    const data: LstmData = { ...base, P, zoneoutH, zoneoutC };
    const errors = kernelGradientErrors({
      data,
      forward: () => lstmForward(data, algebra64, true),
      backward: (call) => lstmBackward(call, algebra64, true),
      outputs: { y: 'dy', h: 'dhLast', c: 'dcLast' },
      reserves: { gates: 'reserveGates', cells: 'reserveCells' },
      names: LSTM_OP.differentiable.filter((name) => name in tensors),
    });
    expect(errors).toEqual([]);
  });

  it('leaves no tensor behind, forward, backward or traced', () => {
    const args = makeArgs({ lengths: true, projection: true, norms: true, recurrentMask: true }, SMALL);
    const before = tf.memory().numTensors;
    tf.dispose(lstm(args));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tf.grad((kernel) => tf.sum(lstm({ ...args, kernel }).outputs))(args.kernel));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(lstmTrace(args));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tf.grad((kernel) => tf.add(tf.sum(lstmTrace({ ...args, kernel }).h), tf.sum(kernel)))(args.kernel));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('carries a split: two calls with the state handed over equal one call', () => {
    const property = fc.property(
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat({ max: 1000 }),
      (T, cut, seed) => {
        fc.pre(cut < T);
        tf.tidy(() => {
          const args = makeArgs({}, { ...SMALL, T }, seed);
          const whole = lstm(args);
          const [left, right] = tf.split(args.x, [cut, T - cut], 1);
          const first = lstm({ ...args, x: left });
          const second = lstm({ ...args, x: right, h0: first.h, c0: first.c });
          const joined = tf.concat([first.outputs, second.outputs], 1);
          // The same sums in the same order: only the blocking of two rows in the input product may differ.
          expect(distance(joined.dataSync(), whole.outputs.dataSync())).toBeLessThan(1e-6);
          expect(distance(second.c.dataSync(), whole.c.dataSync())).toBeLessThan(1e-6);
        });
      },
    );
    fc.assert(property, { numRuns: 30 });
  });

  it('reversed walks as if the sequence were flipped', () => {
    const args = makeArgs({}, SMALL);
    const reversed = lstm({ ...args, reverse: true });
    const flipped = lstm({ ...args, x: tf.reverse(args.x, 1) });
    expect(distance(tf.reverse(reversed.outputs, 1).dataSync(), flipped.outputs.dataSync())).toBeLessThan(1e-6);
    expect(distance(reversed.h.dataSync(), flipped.h.dataSync())).toBeLessThan(1e-6);
  });

  it('takes lengths so that what lies in the padding changes nothing, in either direction', () => {
    for (const reverse of [false, true]) {
      const args = makeArgs({ lengths: true }, { ...SMALL, T: 6 });
      const lengths = tf.tensor1d([4, 2], 'int32');
      const noisy = tf.concat([tf.slice(args.x, [0, 0, 0], [2, 2, 4]), tf.fill([2, 4, 4], 1e9)], 1);
      const x = tf.stack([tf.unstack(args.x)[0], tf.unstack(noisy)[1]]);
      const a = lstm({ ...args, lengths, reverse });
      const b = lstm({ ...args, x, lengths, reverse });
      expect(differences({ ...b }, { ...a }, 0)).toEqual([]);
      expect(tf.max(tf.abs(tf.slice(a.outputs, [1, 2, 0], [1, 4, 5]))).dataSync()[0]).toBe(0);
      const short = lstm({
        ...args,
        x: tf.slice(args.x, [1, 0, 0], [1, 2, 4]),
        h0: tf.slice(args.h0!, [1, 0], [1, 5]),
        c0: tf.slice(args.c0!, [1, 0], [1, 5]),
        lengths: undefined,
        reverse,
      });
      expect(distance(tf.slice(a.h, [1, 0], [1, 5]).dataSync(), short.h.dataSync())).toBeLessThan(1e-6);
      expect(distance(tf.slice(a.c, [1, 0], [1, 5]).dataSync(), short.c.dataSync())).toBeLessThan(1e-6);
    }
  });

  it('treats full lengths, masks of ones and zoneout of nothing as if they were absent', () => {
    const args = makeArgs({}, SMALL);
    const { B, T, H } = SMALL;
    const plain = lstm(args);
    const padded = lstm({
      ...args,
      lengths: tf.fill([B], T, 'int32'),
      recurrentMask: tf.ones([B, H]),
      zoneoutMaskH: tf.zeros([B, T, H]),
      zoneoutMaskC: tf.zeros([B, T, H]),
    });
    expect(differences({ ...padded }, { ...plain }, 0)).toEqual([]);
  });

  it('keeps the state for ever where zoneout keeps everything', () => {
    const args = makeArgs({}, SMALL);
    const { B, T, H } = SMALL;
    const { h, c } = lstm({ ...args, zoneoutMaskH: tf.ones([B, T, H]), zoneoutMaskC: tf.ones([B, T, H]) });
    expect(differences({ h, c }, { h: args.h0!, c: args.c0! }, 0)).toEqual([]);
  });

  it('takes ids exactly as one-hot vectors', () => {
    const args = makeArgs({ ids: true }, SMALL);
    const oneHot = tf.cast(tf.oneHot(args.x as tf.Tensor2D, SMALL.D), 'float32');
    const [a, b] = [lstm(args), lstm({ ...args, x: oneHot })];
    expect(differences({ ...a }, { ...b }, 0)).toEqual([]);
  });

  it('traces gates, cell and hidden state that satisfy the equations', () => {
    const args = makeArgs({ lengths: true }, SMALL);
    const { outputs, c: cLast } = lstm(args);
    const { i, f, g, o, c, h } = lstmTrace(args);
    expect([i, f, g, o, c, h].map((tensor) => tensor.shape)).toEqual(Array(6).fill([2, 3, 5]));
    const before = tf.concat([tf.expandDims(args.c0!, 1), tf.slice(c, [0, 0, 0], [2, 2, 5])], 1);
    const first = (tensor: tf.Tensor) => tf.slice(tensor, [0, 0, 0], [1, 3, 5]).dataSync();
    expect(distance(first(c), first(tf.add(tf.mul(f, before), tf.mul(i, g))))).toBeLessThan(1e-6);
    expect(distance(first(h), first(tf.mul(o, tf.tanh(c))))).toBeLessThan(1e-6);
    expect(distance(h.dataSync(), outputs.dataSync())).toBe(0);
    expect(distance(tf.slice(c, [0, 2, 0], [2, 1, 5]).dataSync(), cLast.dataSync())).toBe(0);
  });

  it('keeps nothing for a trace or a gradient that is not asked for', async () => {
    const args = makeArgs({}, SMALL);
    const shapes = async (run: () => tf.TensorContainer) => (await tf.profile(run)).kernels[0].outputShapes;
    const [B, T, H] = [2, 3, 5];
    const results = [
      [B, T, H],
      [B, H],
      [B, H],
    ]; // y, h, c
    expect(await shapes(() => ({ ...lstm(args) }))).toEqual([...results, [0], [0], [0]]);
    const kept = [[T, B, 4 * H], [T, B, H], [0]]; // gates, cells
    expect(await shapes(() => ({ ...lstmTrace(args) }))).toEqual([...results, ...kept]);
    const gradient = () => tf.grad((kernel) => tf.sum(lstm({ ...args, kernel }).outputs))(args.kernel);
    expect(await shapes(gradient)).toEqual([...results, ...kept]);
  });

  it('computes no gradient of x where none is needed, and says so when asked', () => {
    const args = makeArgs({}, SMALL);
    const loss = (kernel: tf.Tensor) =>
      tf.sum(lstm({ ...args, kernel, needInputGradient: false }).outputs) as tf.Scalar;
    const wanted = tf.grad((kernel) => tf.sum(lstm({ ...args, kernel }).outputs))(args.kernel);
    expect(distance(tf.grad(loss)(args.kernel).dataSync(), wanted.dataSync())).toBe(0);
    const ofX = tf.grad((x) => tf.sum(lstm({ ...args, x, needInputGradient: false }).outputs));
    expect(() => ofX(args.x)).toThrow(/needInputGradient is false/);
  });

  it('names the argument whose shape, type or value is wrong', () => {
    const args = makeArgs({}, SMALL);
    const wrong: [Partial<LstmArgs>, RegExp][] = [
      [{ x: tf.zeros([2, 3]) }, /Expected x to have shape \[B, T, D\], got \[2, 3\]/],
      [{ kernel: tf.zeros([4, 21]) }, /Expected kernel to have shape \[D=4, 4H\], got \[4, 21\]/],
      [{ recurrentKernel: tf.zeros([4, 20]) }, /Expected recurrentKernel to have shape \[P=5, 4H=20\], got \[4, 20\]/],
      [{ bias: tf.zeros([5]) }, /Expected bias to have shape \[4H=20\], got \[5\]/],
      [{ h0: tf.zeros([3, 5]) }, /Expected h0 to have shape \[B=2, P=5\], got \[3, 5\]/],
      [{ lengths: tf.zeros([2]) }, /Expected lengths to be of type int32, got float32/],
      [{ c0: tf.zeros([2, 5], 'int32') }, /Expected c0 to be of type float32, got int32/],
      [{ normCell: tf.zeros([2, 6]) }, /Expected normCell to have shape \[2, H=5\]/],
      [{ zoneout: 0.1 } as never, /Expected an option that lstm knows, got zoneout; did you mean zoneoutH\?/],
      [{ zoneoutH: 1 }, /Expected zoneoutH to be a number of \[0, 1\), got 1/],
      [
        { x: tf.tensor2d([[0, 4]], [1, 2], 'int32'), h0: undefined, c0: undefined },
        /ids to be of \[0, 4\), got 4 at position 1/,
      ],
      [{ x: tf.zeros([2, 0, 4]) }, /at least one step/],
    ];
    for (const [change, message] of wrong) expect(() => lstm({ ...args, ...change })).toThrow(message);
  });

  it('registers once, however often it is asked to', () => {
    const kernel = tf.getKernel('CadenzaLSTM', 'cpu');
    registerCadenzaKernels('cpu');
    expect(tf.getKernel('CadenzaLSTM', 'cpu')).toBe(kernel);
  });
});
