import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GRU_OP, type GruArgs } from '../../src/ops/gru.js';
import { gruBackward, gruForward, type GruData } from '../../src/ops/gruKernel.js';
import { gruReference } from '../../src/ops/gruReference.js';
import { gru, gruTrace } from '../../src/ops/index.js';
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

const OPTIONS = ['resetBefore', 'lengths', 'reverse', 'recurrentMask', 'zoneoutMask', 'norms', 'ids'] as const;
type Options = Partial<Record<(typeof OPTIONS)[number] | 'zoneoutRate' | 'noState', boolean>>;

function makeArgs(options: Options, { B, T, D, H }: Sizes, seed = 1): GruArgs {
  const { floats, mask, integers, norm, lengths } = draw(seed);
  const args: GruArgs = {
    x: options.ids ? integers([B, T], D) : floats([B, T, D]),
    kernel: floats([D, 3 * H], 0.5),
    recurrentKernel: floats([H, 3 * H], 0.5),
    bias: floats(options.resetBefore ? [3 * H] : [2, 3 * H], 0.5),
    resetAfter: !options.resetBefore,
    reverse: options.reverse,
  };
  if (!options.noState) args.h0 = floats([B, H]);
  if (options.lengths) args.lengths = lengths(B, T);
  if (options.recurrentMask) args.recurrentMask = mask([B, H], 1 / 0.6);
  if (options.zoneoutMask) args.zoneoutMaskH = mask([B, T, H], 1);
  if (options.zoneoutRate) args.zoneoutH = 0.3;
  if (options.norms) Object.assign(args, { normInput: norm(3 * H), normRecurrent: norm(3 * H) });
  return args;
}

const results = (run: (args: GruArgs) => object) => (args: GruArgs) => run(args) as Result;

// As for the LSTM: float32 roundings of the reference, multiplied by layer norms of short rows.
const TOLERANCE = 2e-5;
const NORM_TOLERANCE = 2e-4;

describe('gru', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const cases: [string, Options, Sizes][] = [
    ...combinations(OPTIONS).map((options): [string, Options, Sizes] => [titleOf(options), options, SMALL]),
    ['zoneout rate', { zoneoutRate: true, lengths: true }, SMALL],
    ['no initial state', { noState: true }, SMALL],
    ...ODD.flatMap((sizes): [string, Options, Sizes][] => [
      [`sizes ${Object.values(sizes)}`, { lengths: true }, sizes],
      [`reset before at sizes ${Object.values(sizes)}`, { resetBefore: true, reverse: true }, sizes],
    ]),
  ];

  it.each(cases)('equals the readable reference, and its gradients too: %s', (_title, options, sizes) => {
    const args = makeArgs(options, sizes);
    const got = resultsAndGradients(results(gru), args, GRU_OP.differentiable);
    const wanted = resultsAndGradients(results(gruReference), args, GRU_OP.differentiable);
    const tolerance = options.norms ? NORM_TOLERANCE : TOLERANCE;
    expect(differences(got.results, wanted.results, tolerance)).toEqual([]);
    expect(differences(got.gradients, wanted.gradients, tolerance)).toEqual([]);
  });

  it.each(cases)('has the gradients of finite differences: %s', (_title, options, sizes) => {
    const {
      zoneoutH = 0,
      reverse = false,
      resetAfter = true,
      ...tensors
    } = makeArgs({ ...options, noState: false }, sizes, 2);
    const base = toFloat64(tensors as unknown as Record<string, tf.Tensor>, sizes, reverse);
    const data: GruData = { ...base, zoneoutH, resetAfter };
    const errors = kernelGradientErrors({
      data,
      forward: () => gruForward(data, algebra64, true),
      backward: (call) => gruBackward(call, algebra64, true),
      outputs: { y: 'dy', h: 'dhLast' },
      reserves: { gates: 'reserveGates' },
      names: GRU_OP.differentiable.filter((name) => name in tensors),
    });
    expect(errors).toEqual([]);
  });

  it('leaves no tensor behind, forward, backward or traced', () => {
    const args = makeArgs({ lengths: true, norms: true, resetBefore: true }, SMALL);
    const before = tf.memory().numTensors;
    tf.dispose(gru(args));
    tf.dispose(gruTrace(args));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tf.grad((kernel) => tf.sum(gru({ ...args, kernel }).outputs))(args.kernel));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('carries a split: two calls with the state handed over equal one call', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.nat({ max: 1000 }),
      fc.boolean(),
      (cut, seed, resetBefore) => {
        tf.tidy(() => {
          const args = makeArgs({ resetBefore }, { ...SMALL, T: 5 }, seed);
          const whole = gru(args);
          const [left, right] = tf.split(args.x, [cut, 5 - cut], 1);
          const first = gru({ ...args, x: left });
          const second = gru({ ...args, x: right, h0: first.h });
          const joined = tf.concat([first.outputs, second.outputs], 1);
          expect(distance(joined.dataSync(), whole.outputs.dataSync())).toBeLessThan(1e-6);
        });
      },
    );
    fc.assert(property, { numRuns: 30 });
  });

  it('reversed walks as if the sequence were flipped', () => {
    const args = makeArgs({}, SMALL);
    const reversed = gru({ ...args, reverse: true });
    const flipped = gru({ ...args, x: tf.reverse(args.x, 1) });
    expect(distance(tf.reverse(reversed.outputs, 1).dataSync(), flipped.outputs.dataSync())).toBeLessThan(1e-6);
  });

  it('takes lengths so that what lies in the padding changes nothing, in either direction', () => {
    for (const reverse of [false, true]) {
      const args = makeArgs({}, { ...SMALL, B: 1, T: 6 });
      const noisy = tf.concat([tf.slice(args.x, [0, 0, 0], [1, 2, 4]), tf.fill([1, 4, 4], 1e9)], 1);
      const padded = gru({ ...args, x: noisy, lengths: tf.tensor1d([2], 'int32'), reverse });
      const short = gru({ ...args, x: tf.slice(args.x, [0, 0, 0], [1, 2, 4]), reverse });
      expect(distance(padded.h.dataSync(), short.h.dataSync())).toBeLessThan(1e-6);
      const [real, padding] = tf.split(padded.outputs, [2, 4], 1);
      expect(distance(real.dataSync(), short.outputs.dataSync())).toBeLessThan(1e-6);
      expect(distance(padding.dataSync(), new Float32Array(20))).toBe(0);
    }
  });

  it('takes ids exactly as one-hot vectors', () => {
    const args = makeArgs({ ids: true }, SMALL);
    const oneHot = tf.cast(tf.oneHot(args.x as tf.Tensor2D, SMALL.D), 'float32');
    expect(differences({ ...gru(args) }, { ...gru({ ...args, x: oneHot }) }, 0)).toEqual([]);
  });

  it('traces gates that satisfy the equations', () => {
    const args = makeArgs({}, SMALL);
    const { z, n, h } = gruTrace(args);
    const before = tf.concat([tf.expandDims(args.h0!, 1), tf.slice(h, [0, 0, 0], [2, 2, 5])], 1);
    const wanted = tf.add(tf.mul(z, before), tf.mul(tf.sub(1, z), n));
    expect(distance(h.dataSync(), wanted.dataSync())).toBeLessThan(1e-6);
  });

  it('names the argument whose shape is wrong', () => {
    const args = makeArgs({}, SMALL);
    expect(() => gru({ ...args, length: 3 } as never)).toThrow('knows, got length; did you mean lengths?');
    expect(() => gru({ ...args, resetAfter: false })).toThrow('Expected bias to have shape [3H=15], got [2, 15]');
    expect(() => gru({ ...args, kernel: tf.zeros([4, 16]) })).toThrow(/Expected kernel to have shape \[D=4, 3H\]/);
    expect(() => gru({ ...args, zoneoutH: -0.1 })).toThrow('Expected zoneoutH to be a number of [0, 1), got -0.1');
  });
});
