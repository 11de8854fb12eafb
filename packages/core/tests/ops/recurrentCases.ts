import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
// Brings the gradients of stock operations, which the references need.
import '@tensorflow/tfjs-layers';
import { plainAlgebra, type Algebra, type Floats } from '../../src/ops/algebra.js';
import type { SequenceData } from '../../src/ops/sequenceKernel.js';
import { Random } from '../../src/random.js';

export type Sizes = { B: number; T: number; D: number; H: number; P?: number };

/** The small unequal sizes of every test, and odd ones. */
export const SMALL: Sizes = { B: 2, T: 3, D: 4, H: 5 };
export const ODD: Sizes[] = [
  { B: 1, T: 1, D: 1, H: 1 },
  { B: 3, T: 7, D: 1, H: 7 },
  { B: 7, T: 2, D: 33, H: 3 },
];

/** Every subset of the options, as objects of true. */
export function combinations<K extends string>(names: readonly K[]): Partial<Record<K, boolean>>[] {
  return Array.from({ length: 2 ** names.length }, (_, bits) => {
    const chosen = names.filter((_name, index) => (bits >> index) & 1);
    return Object.fromEntries(chosen.map((name) => [name, true])) as Partial<Record<K, boolean>>;
  });
}

export function titleOf(options: object): string {
  return Object.keys(options).join(' + ') || 'no option';
}

/** Seeded test tensors. */
export function draw(seed: number) {
  const random = new Random(seed);
  const floats = (shape: number[], scale = 1, centre = 0): tf.Tensor => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const values = Float32Array.from({ length: size }, () => centre + scale * random.normal());
    return tf.tensor(values, shape, 'float32');
  };
  const mask = (shape: number[], kept: number): tf.Tensor => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    return tf.tensor(
      Float32Array.from({ length: size }, () => (random.next() < 0.4 ? 0 : kept)),
      shape,
      'float32',
    );
  };
  const integers = (shape: number[], bound: number): tf.Tensor => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    return tf.tensor(
      Int32Array.from({ length: size }, () => random.integer(bound)),
      shape,
      'int32',
    );
  };
  /** Gain near one, bias near zero, [2, size]. */
  const norm = (size: number): tf.Tensor => tf.concat([floats([1, size], 0.3, 1), floats([1, size], 0.3)]);
  /** Lengths from 0 or 1 up to T, the first row's full. */
  const lengths = (B: number, T: number): tf.Tensor =>
    tf.tensor(
      Int32Array.from({ length: B }, (_, b) => (b === 0 ? T : random.integer(T + 1))),
      [B],
      'int32',
    );
  return { floats, mask, integers, norm, lengths };
}

export type Result = Record<string, tf.Tensor>;

/** A fixed random weighting of all results, so that no gradient can hide behind a symmetry. */
export function weightedSum(results: Result): tf.Scalar {
  const { floats } = draw(99);
  let sum: tf.Tensor = tf.scalar(0);
  for (const tensor of Object.values(results)) sum = tf.add(sum, tf.sum(tf.mul(tensor, floats(tensor.shape))));
  return sum as tf.Scalar;
}

/** The results, and the gradients of their weighted sum for every float argument that can have one. */
export function resultsAndGradients<A extends object>(
  run: (args: A) => Result,
  args: A,
  differentiable: readonly string[],
): { results: Result; gradients: Result } {
  const given = args as unknown as Record<string, tf.Tensor>;
  const names = differentiable.filter((name) => given[name]?.dtype === 'float32');
  const results = run(args);
  const loss = (...tensors: tf.Tensor[]) => {
    const replaced = Object.fromEntries(names.map((name, index) => [name, tensors[index]]));
    return weightedSum(run({ ...args, ...replaced }));
  };
  const gradients = tf.grads(loss)(names.map((name) => given[name]));
  return { results, gradients: Object.fromEntries(names.map((name, index) => [name, gradients[index]])) };
}

/** The largest difference relative to the size of the numbers compared (at least 1). */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let worst = 0;
  for (let e = 0; e < a.length; e++) {
    const difference = Math.abs(a[e] - b[e]) / Math.max(1, Math.abs(a[e]), Math.abs(b[e]));
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }
  return worst;
}

/** Names whose tensors differ by more than the tolerance, with by how much. */
export function differences(a: Result, b: Result, tolerance: number): string[] {
  return Object.keys(b)
    .map((name) => [name, distance(a[name].dataSync(), b[name].dataSync())] as const)
    .filter(([, far]) => !(far <= tolerance))
    .map(([name, far]) => `${name} differs by ${far}`);
}

/** The inner product of two lists of equal length. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let e = 0; e < a.length; e++) sum += a[e] * b[e];
  return sum;
}

export const algebra64: Algebra = plainAlgebra(Float64Array);

/** The same call in float64, for finite differences of the generic kernel itself. */
export function toFloat64(args: Record<string, tf.Tensor>, sizes: Sizes, reverse: boolean): SequenceData {
  const data: SequenceData = { ...sizes, reverse, floats: {} };
  data.D = args.kernel.shape[0];
  for (const [name, tensor] of Object.entries(args)) {
    if (name === 'lengths') data.lengths = tensor.dataSync() as Int32Array;
    else if (tensor.dtype === 'int32') data.ids = tensor.dataSync() as Int32Array;
    else data.floats[name] = Float64Array.from(tensor.dataSync());
  }
  return data;
}

/**
 * Compares gradients with central differences (f(x + d) - f(x - d)) / 2d, both in float64 with d = 1e-5: truncation and rounding
 * are each about 1e-10, so that a tolerance of 1e-7 leaves room and no wrong term can pass.
 */
export function finiteDifferenceErrors(
  loss: () => number,
  floats: Partial<Record<string, Floats>>,
  gradients: Record<string, Floats>,
): string[] {
  const step = 1e-5;
  const errors: string[] = [];
  for (const [name, gradient] of Object.entries(gradients)) {
    const values = floats[name]!;
    const numeric = Float64Array.from(values, (value, e) => {
      values[e] = value + step;
      const above = loss();
      values[e] = value - step;
      const below = loss();
      values[e] = value;
      return (above - below) / (2 * step);
    });
    const far = distance(gradient, numeric);
    if (!(far <= 1e-7)) errors.push(`${name} differs by ${far}`);
  }
  return errors;
}

/**
 * Where the gradients of a generic kernel differ from finite differences, for a random weighting of all its outputs. `outputs` and
 * `reserves` say under which names the backward walk takes the outputs' gradients and what the forward walk kept.
 */
export function kernelGradientErrors<D extends SequenceData>(kernel: {
  data: D;
  forward: () => object;
  backward: (call: D) => Floats[];
  outputs: Record<string, string>;
  reserves: Record<string, string>;
  /** The inputs that receive a gradient, in the order of `backward`. */
  names: readonly string[];
}): string[] {
  const { data, backward, outputs, reserves, names } = kernel;
  const forward = () => kernel.forward() as Record<string, Floats>;
  const first = forward();
  const weights = Object.keys(outputs).map((name, seed) => {
    const weighting = draw(50 + seed).floats([first[name].length]);
    return [name, Float64Array.from(weighting.dataSync())] as const;
  });
  const loss = (): number => {
    const results = forward();
    return weights.reduce((sum, [name, weight]) => sum + dot(results[name], weight), 0);
  };
  const kept = Object.entries(reserves).map(([name, reserve]) => [reserve, first[name]]);
  const given = weights.map(([name, weight]) => [outputs[name], weight]);
  const floats = { ...data.floats, y: first.y, ...Object.fromEntries([...kept, ...given]) };
  const gradients = Object.fromEntries(backward({ ...data, floats }).map((gradient, k) => [names[k], gradient]));
  if (data.ids) delete gradients.x;
  return finiteDifferenceErrors(loss, data.floats, gradients);
}
