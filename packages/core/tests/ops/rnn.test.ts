import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rnnTrace, simpleRnn } from '../../src/ops/index.js';
import { RNN_OP, type RnnActivation, type RnnArgs } from '../../src/ops/rnn.js';
import { rnnBackward, rnnForward, type RnnData } from '../../src/ops/rnnKernel.js';
import { rnnReference } from '../../src/ops/rnnReference.js';
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

const OPTIONS = ['relu', 'lengths', 'reverse', 'recurrentMask', 'zoneoutMask', 'norms', 'ids'] as const;
type Options = Partial<Record<(typeof OPTIONS)[number] | 'zoneoutRate' | 'noState', boolean>>;

function makeArgs(options: Options, { B, T, D, H }: Sizes, seed = 1): RnnArgs {
  const { floats, mask, integers, norm, lengths } = draw(seed);
  const args: RnnArgs = {
    x: options.ids ? integers([B, T], D) : floats([B, T, D]),
    kernel: floats([D, H], 0.5),
    recurrentKernel: floats([H, H], 0.5),
    bias: floats([H], 0.5),
    activation: options.relu ? 'relu' : 'tanh',
    reverse: options.reverse,
  };
  if (!options.noState) args.h0 = floats([B, H]);
  if (options.lengths) args.lengths = lengths(B, T);
  if (options.recurrentMask) args.recurrentMask = mask([B, H], 1 / 0.6);
  if (options.zoneoutMask) args.zoneoutMaskH = mask([B, T, H], 1);
  if (options.zoneoutRate) args.zoneoutH = 0.3;
  if (options.norms) Object.assign(args, { normInput: norm(H), normRecurrent: norm(H) });
  return args;
}

const results = (run: (args: RnnArgs) => object) => (args: RnnArgs) => run(args) as Result;

// As for the LSTM: float32 roundings of the reference, multiplied by layer norms of short rows.
const TOLERANCE = 2e-5;
const NORM_TOLERANCE = 2e-4;

describe('simpleRnn', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  const cases: [string, Options, Sizes][] = [
    ...combinations(OPTIONS).map((options): [string, Options, Sizes] => [titleOf(options), options, SMALL]),
    ['zoneout rate', { zoneoutRate: true, lengths: true }, SMALL],
    ['no initial state', { noState: true }, SMALL],
    ...ODD.map((sizes): [string, Options, Sizes] => [`sizes ${Object.values(sizes)}`, { lengths: true }, sizes]),
  ];

  it.each(cases)('equals the readable reference, and its gradients too: %s', (_title, options, sizes) => {
    const args = makeArgs(options, sizes);
    const got = resultsAndGradients(results(simpleRnn), args, RNN_OP.differentiable);
    const wanted = resultsAndGradients(results(rnnReference), args, RNN_OP.differentiable);
    const tolerance = options.norms ? NORM_TOLERANCE : TOLERANCE;
    expect(differences(got.results, wanted.results, tolerance)).toEqual([]);
    expect(differences(got.gradients, wanted.gradients, tolerance)).toEqual([]);
  });

  it.each(cases)('has the gradients of finite differences: %s', (_title, options, sizes) => {
    const {
      zoneoutH = 0,
      reverse = false,
      activation,
      ...tensors
    } = makeArgs({ ...options, noState: false }, sizes, 2);
    const base = toFloat64(tensors as unknown as Record<string, tf.Tensor>, sizes, reverse);
    const data: RnnData = { ...base, zoneoutH, relu: activation === 'relu' };
    const errors = kernelGradientErrors({
      data,
      forward: () => rnnForward(data, algebra64, true),
      backward: (call) => rnnBackward(call, algebra64, true),
      outputs: { y: 'dy', h: 'dhLast' },
      reserves: { reserve: 'reserve' },
      names: RNN_OP.differentiable.filter((name) => name in tensors),
    });
    expect(errors).toEqual([]);
  });

  it('leaves no tensor behind, forward or backward', () => {
    const args = makeArgs({ lengths: true, norms: true }, SMALL);
    const before = tf.memory().numTensors;
    tf.dispose(simpleRnn(args));
    tf.dispose(rnnTrace(args));
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(tf.grad((kernel) => tf.sum(simpleRnn({ ...args, kernel }).outputs))(args.kernel));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('carries a split: two calls with the state handed over equal one call', () => {
    const property = fc.property(fc.integer({ min: 1, max: 4 }), fc.nat({ max: 1000 }), (cut, seed) => {
      tf.tidy(() => {
        const args = makeArgs({}, { ...SMALL, T: 5 }, seed);
        const whole = simpleRnn(args);
        const [left, right] = tf.split(args.x, [cut, 5 - cut], 1);
        const first = simpleRnn({ ...args, x: left });
        const second = simpleRnn({ ...args, x: right, h0: first.h });
        const joined = tf.concat([first.outputs, second.outputs], 1);
        expect(distance(joined.dataSync(), whole.outputs.dataSync())).toBeLessThan(1e-6);
      });
    });
    fc.assert(property, { numRuns: 30 });
  });

  it('reversed walks as if the sequence were flipped', () => {
    const args = makeArgs({}, SMALL);
    const reversed = simpleRnn({ ...args, reverse: true });
    const flipped = simpleRnn({ ...args, x: tf.reverse(args.x, 1) });
    expect(distance(tf.reverse(reversed.outputs, 1).dataSync(), flipped.outputs.dataSync())).toBeLessThan(1e-6);
  });

  it('traces its outputs', () => {
    const args = makeArgs({ lengths: true }, SMALL);
    expect(distance(rnnTrace(args).h.dataSync(), simpleRnn(args).outputs.dataSync())).toBe(0);
  });

  it('refuses an activation and an argument that it does not have', () => {
    const args = { ...makeArgs({}, SMALL), activation: 'sigmoid' as RnnActivation };
    expect(() => simpleRnn(args)).toThrow('Expected activation to be "tanh" or "relu", got "sigmoid"');
    const unknown = { ...makeArgs({}, SMALL), reversed: true };
    expect(() => simpleRnn(unknown)).toThrow('knows, got reversed; did you mean reverse?');
  });
});
