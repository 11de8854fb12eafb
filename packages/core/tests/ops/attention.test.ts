import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attend, attendGradient, type AttentionData } from '../../src/ops/attentionKernel.js';
import { attentionReference } from '../../src/ops/attentionReference.js';
import type { AttentionOptions } from '../../src/ops/attention.js';
import { attention } from '../../src/ops/index.js';
import { differences, distance, dot, draw, finiteDifferenceErrors, resultsAndGradients } from './recurrentCases.js';

interface Sizes {
  B: number;
  T: number;
  S: number;
  H: number;
  C: number;
}
const SMALL: Sizes = { B: 3, T: 2, S: 4, H: 5, C: 6 };
const ODD: Sizes[] = [
  { B: 1, T: 1, S: 1, H: 1, C: 1 },
  { B: 2, T: 7, S: 1, H: 33, C: 3 },
  { B: 7, T: 1, S: 33, H: 7, C: 7 },
];
const FLOATS = ['query', 'keys', 'values', 'vector'] as const;

const ints = (values: number[]) => tf.tensor1d(values, 'int32');
const wide = (tensor: tf.Tensor) => Float64Array.from(tensor.dataSync());

type Args = Record<'query' | 'keys' | 'values', tf.Tensor> & AttentionOptions;

const CASES: [name: string, options: AttentionOptions][] = [
  ['dot', { score: 'dot' }],
  ['scaled dot', { score: 'dot', scale: 0.3 }],
  ['additive', { score: 'additive' }],
  ['dot by three heads', { score: 'dot', scale: 0.7, heads: 3 }],
  ['additive by two heads', { score: 'additive', heads: 2 }],
];

/** Arguments of the sizes; of several heads each has H and C numbers. */
function makeArgs(options: AttentionOptions, sizes: Sizes, masked = false): Args {
  const { floats } = draw(5);
  const { heads = 1 } = options;
  const { B, T, S } = sizes;
  const [H, C] = [sizes.H * heads, sizes.C * heads];
  const args: Args = { query: floats([B, T, H]), keys: floats([B, S, H]), values: floats([B, S, C]), ...options };
  if (options.score === 'additive') args.vector = floats([H]);
  // A full row, an empty one, and others.
  const lengthOf = (b: number) => (b === 0 ? S : (3 * b - 3) % (S + 1));
  if (masked) args.lengths = ints(Array.from({ length: B }, (_, b) => lengthOf(b)));
  return args;
}

const run = ({ query, keys, values, ...options }: Args) => attention(query, keys, values, options);
const runReference = ({ query, keys, values, ...options }: Args) => attentionReference(query, keys, values, options);

// Products and sums of up to 33 terms, each rounded to float32 (6e-8) in the reference.
const TOLERANCE = 1e-5;

describe('attention', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  describe.each(CASES)('%s', (_name, options) => {
    it.each([SMALL, ...ODD])('equals its equations in stock operations, gradients included, for %o', (sizes) => {
      for (const masked of [false, true]) {
        const args = makeArgs({ ...options, needWeightsGradient: true }, sizes, masked);
        const got = resultsAndGradients(run, args, FLOATS);
        const wanted = resultsAndGradients(runReference, args, FLOATS);
        expect(differences(got.results, wanted.results, TOLERANCE)).toEqual([]);
        expect(differences(got.gradients, wanted.gradients, TOLERANCE)).toEqual([]);
        expect(Object.keys(got.gradients).length).toBe(options.score === 'additive' ? 4 : 3);
      }
    });

    it('has the gradients of finite differences, in float64, through context and weights', () => {
      const { heads = 1 } = options;
      for (const masked of [false, true]) {
        const args = makeArgs(options, SMALL, masked);
        const data: AttentionData = {
          ...{ ...SMALL, heads, score: options.score, scale: options.scale ?? 1 },
          ...{ H: SMALL.H * heads, C: SMALL.C * heads },
          ...{ query: wide(args.query), keys: wide(args.keys), values: wide(args.values) },
          vector: args.vector && wide(args.vector),
          lengths: args.lengths?.dataSync() as Int32Array | undefined,
        };
        const { context, weights } = attend(data);
        const { floats } = draw(6);
        const [dcontext, dweights] = [context, weights].map(({ length }) => wide(floats([length])));
        const loss = () => {
          const results = attend(data);
          return dot(results.context, dcontext) + dot(results.weights, dweights);
        };
        const gradients = Object.entries(attendGradient(data, weights, dcontext, dweights)).filter(([, d]) => d);
        expect(gradients.length).toBe(options.score === 'additive' ? 4 : 3);
        expect(finiteDifferenceErrors(loss, { ...data } as never, Object.fromEntries(gradients))).toEqual([]);
      }
    });

    it('reads nothing of the padding, weighs it 0, and gives it no gradient', () => {
      const sizes = { B: 2, T: 3, S: 4, H: 5, C: 6 };
      const args = { ...makeArgs({ ...options, needWeightsGradient: true }, sizes), lengths: ints([1, 3]) };
      const counts = tf.tensor3d([1, 0, 0, 0, 1, 1, 1, 0], [2, 4, 1]);
      const fill = (tensor: tf.Tensor, value: number) => tf.where(tf.cast(counts, 'bool'), tensor, tf.fill([], value));
      const results = [0, NaN, Infinity].map((value) =>
        resultsAndGradients(run, { ...args, keys: fill(args.keys, value), values: fill(args.values, value) }, FLOATS),
      );
      for (const { results: got, gradients } of results) {
        expect(differences(got, results[0].results, 0)).toEqual([]);
        expect(differences(gradients, results[0].gradients, 0)).toEqual([]);
        const [first, second] = tf.unstack(got.weights).map((row) => [...row.dataSync()]);
        expect(first).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
        expect([3, 7, 11].map((at) => second[at])).toEqual([0, 0, 0]);
        for (const name of ['keys', 'values']) {
          expect(
            distance(tf.mul(gradients[name], tf.sub(1, counts)).dataSync(), tf.zeros(gradients[name].shape).dataSync()),
          ).toBe(0);
        }
      }
    });

    it('gives zeros, and gradients of zero, to a row without positions', () => {
      const args = { ...makeArgs(options, { ...SMALL, B: 1 }), lengths: ints([0]) };
      const { results, gradients } = resultsAndGradients(run, args, FLOATS);
      for (const tensor of [...Object.values(results), ...Object.values(gradients)]) {
        expect([...tensor.dataSync()].every((value) => value === 0)).toBe(true);
      }
    });

    it('takes the weights as constants unless their gradient is wanted, and then costs no gradient of them', async () => {
      const { heads = 1 } = options;
      const args = makeArgs(options, SMALL);
      const ofWeights = (needWeightsGradient: boolean) => () =>
        tf.grad((query) => {
          const { context, weights } = run({ ...args, query, needWeightsGradient });
          return tf.add(tf.sum(context), tf.sum(tf.square(weights)));
        })(args.query);
      const ofContext = tf.grad((query) => tf.sum(run({ ...args, query }).context))(args.query);
      expect(distance(ofWeights(false)().dataSync(), ofContext.dataSync())).toBe(0);
      expect(distance(ofWeights(true)().dataSync(), ofContext.dataSync())).toBeGreaterThan(1e-3);
      const { kernels } = await tf.profile(ofWeights(false));
      const { inputShapes } = kernels.find(({ name }) => name === 'CadenzaAttentionGrad')!;
      const { B, T, S } = SMALL;
      expect(inputShapes.filter((shape) => shape?.join() === [B, heads, T, S].join()).length).toBe(1);
    });

    it('leaves no tensor behind', () => {
      const args = makeArgs(options, SMALL, true);
      const before = tf.memory().numTensors;
      const { context, weights } = run(args);
      expect(tf.memory().numTensors).toBe(before + 2);
      tf.dispose([context, weights]);
      for (const needWeightsGradient of [false, true]) {
        tf.dispose(
          tf.grad((keys) => {
            const results = run({ ...args, keys, needWeightsGradient });
            return tf.add(tf.sum(results.context), tf.sum(results.weights));
          })(args.keys),
        );
      }
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  it('stays finite where exp would overflow, and follows the greatest score', () => {
    const [query, keys] = [tf.tensor3d([[[100]]]), tf.tensor3d([[[-9], [9], [8]]])];
    const { context } = attention(query, keys, tf.tensor3d([[[1], [2], [3]]]), { score: 'dot' });
    expect([...context.dataSync()]).toEqual([2]);
  });

  it('takes no queries, and no positions', () => {
    const shapes = ({ context, weights }: { context: tf.Tensor; weights: tf.Tensor }) => [context.shape, weights.shape];
    const none = attention(tf.zeros([2, 0, 3]), tf.zeros([2, 4, 3]), tf.zeros([2, 4, 5]), { score: 'dot' });
    expect(shapes(none)).toEqual([
      [2, 0, 5],
      [2, 0, 4],
    ]);
    const alone = attention(tf.ones([1, 1, 3]), tf.zeros([1, 0, 3]), tf.zeros([1, 0, 2]), { score: 'dot' });
    expect([...alone.context.dataSync()]).toEqual([0, 0]);
  });

  it('names the argument whose shape, type or value is wrong', () => {
    const args = makeArgs({ score: 'dot' }, SMALL);
    const additive = makeArgs({ score: 'additive' }, SMALL);
    const wrong: [Args, string][] = [
      [{ ...args, query: tf.zeros([3, 5]) }, 'Expected query to have shape [B, T, H], got [3, 5]'],
      [{ ...args, keys: tf.zeros([3, 4, 6]) }, 'Expected keys to have shape [B=3, S=4, H=5], got [3, 4, 6]'],
      [{ ...args, values: tf.zeros([3, 3, 6]) }, 'Expected values to have shape [B=3, S=4, C], got [3, 3, 6]'],
      [{ ...args, values: tf.zeros([3, 4, 6], 'int32') }, 'Expected values to be of type float32, got int32'],
      [{ ...args, lengths: tf.zeros([3]) }, 'Expected lengths to be of type int32, got float32'],
      [{ ...args, lengths: ints([0, 1]) }, 'Expected lengths to have shape [B=3], got [2]'],
      [{ ...args, lengths: ints([4, 5, 0]) }, 'Expected lengths to be of [0, 5), got 5 at position 1'],
      [{ ...args, lengths: ints([4, 3, -1]) }, 'Expected lengths to be of [0, 5), got -1 at position 2'],
      [{ ...args, score: 'cosine' as never }, 'Expected score to be "dot" or "additive", got "cosine"'],
      [{ ...args, heads: 0 }, 'Expected heads to be a positive integer, got 0'],
      [{ ...args, heads: 2 }, 'Expected heads to be a divisor of the width of the keys, 5, got 2'],
      [{ ...args, heads: 5 }, 'Expected heads to be a divisor of the width of the values, 6, got 5'],
      [{ ...args, scale: NaN }, 'Expected scale to be a finite number, got NaN'],
      [{ ...args, vector: tf.zeros([5]) }, 'Expected vector to be absent with "dot"'],
      [{ ...args, length: 1 } as never, 'Expected an option that attention knows, got length; did you mean lengths?'],
      [{ ...additive, scale: 2 }, 'Expected scale to be absent with "additive", got 2'],
      [{ ...additive, vector: undefined }, 'Expected vector to be given with "additive", got undefined'],
      [{ ...additive, vector: tf.zeros([4]) }, 'Expected vector to have shape [H=5], got [4]'],
    ];
    for (const [given, message] of wrong) expect(() => run(given)).toThrow(message);
  });
});
