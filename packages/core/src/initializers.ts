import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from './errors.js';
import type { Random } from './random.js';

/** The sizes from which variance scaling takes its scale; a weight of one axis has both. */
function fans(shape: readonly number[]): { fanIn: number; fanOut: number } {
  if (shape.length === 0) return { fanIn: 1, fanOut: 1 };
  if (shape.length === 1) return { fanIn: shape[0], fanOut: shape[0] };
  const receptive = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: shape[shape.length - 2] * receptive, fanOut: shape[shape.length - 1] * receptive };
}

/** The most numbers of one tensor, as kernels count them. */
const MOST = 2 ** 31 - 1;

function sizeOf(shape: readonly number[]): number {
  const size = shape.reduce((product, length) => product * length, 1);
  if (size > MOST) throw new ConfigError(expected('the shape of a weight', `of at most ${MOST} numbers`, shape));
  return size;
}

export function zeros(shape: readonly number[]): Float32Array {
  return new Float32Array(sizeOf(shape));
}

export function ones(shape: readonly number[]): Float32Array {
  return new Float32Array(sizeOf(shape)).fill(1);
}

/** Uniform numbers of [low, high). */
export function uniform(random: Random, shape: readonly number[], low = -0.05, high = 0.05): Float32Array {
  return new Float32Array(sizeOf(shape)).map(() => low + (high - low) * random.next());
}

export function normal(random: Random, shape: readonly number[], mean = 0, deviation = 0.05): Float32Array {
  return new Float32Array(sizeOf(shape)).map(() => mean + deviation * random.normal());
}

/** Normal numbers, those beyond two deviations drawn again. */
export function truncatedNormal(random: Random, shape: readonly number[], mean = 0, deviation = 0.05): Float32Array {
  return new Float32Array(sizeOf(shape)).map(() => {
    let number = random.normal();
    while (Math.abs(number) > 2) number = random.normal();
    return mean + deviation * number;
  });
}

/** Uniform of variance 2 / (fanIn + fanOut) (Glorot and Bengio 2010, equation 16). */
export function glorotUniform(random: Random, shape: readonly number[]): Float32Array {
  const { fanIn, fanOut } = fans(shape);
  const limit = Math.sqrt(6 / (fanIn + fanOut));
  return uniform(random, shape, -limit, limit);
}

/** The deviation of a normal distribution cut at two deviations, relative to the uncut one's. */
const TRUNCATION = 0.8796256610342398;

/** Truncated normal of variance 2 / (fanIn + fanOut) (Glorot and Bengio 2010). */
export function glorotNormal(random: Random, shape: readonly number[]): Float32Array {
  const { fanIn, fanOut } = fans(shape);
  return truncatedNormal(random, shape, 0, Math.sqrt(2 / (fanIn + fanOut)) / TRUNCATION);
}

/** Uniform of variance 2 / fanIn, for rectified units (He et al. 2015, section 2.2). */
export function heUniform(random: Random, shape: readonly number[]): Float32Array {
  const limit = Math.sqrt(6 / fans(shape).fanIn);
  return uniform(random, shape, -limit, limit);
}

/** Truncated normal of variance 2 / fanIn (He et al. 2015, section 2.2). */
export function heNormal(random: Random, shape: readonly number[]): Float32Array {
  return truncatedNormal(random, shape, 0, Math.sqrt(2 / fans(shape).fanIn) / TRUNCATION);
}

/** Uniform of variance 1 / fanIn (LeCun et al. 1998, section 4.6). */
export function lecunUniform(random: Random, shape: readonly number[]): Float32Array {
  const limit = Math.sqrt(3 / fans(shape).fanIn);
  return uniform(random, shape, -limit, limit);
}

/** Truncated normal of variance 1 / fanIn (LeCun et al. 1998, section 4.6). */
export function lecunNormal(random: Random, shape: readonly number[]): Float32Array {
  return truncatedNormal(random, shape, 0, Math.sqrt(1 / fans(shape).fanIn) / TRUNCATION);
}

/** Ones on the diagonal: a recurrence that starts by remembering (Le, Jaitly and Hinton 2015). */
export function identity(shape: readonly number[], gain = 1): Float32Array {
  if (shape.length !== 2) throw new ConfigError(expected('the shape of an identity', '[rows, columns]', shape));
  const [rows, columns] = shape;
  const values = new Float32Array(sizeOf(shape));
  for (let k = 0; k < Math.min(rows, columns); k++) values[k * columns + k] = gain;
  return values;
}

/**
 * A random matrix with orthonormal rows, or columns where it has more rows (Saxe, McClelland and Ganguli 2014, section 3), of
 * all such matrices with equal density. As in Keras the whole matrix is one: a recurrent kernel [H, 4H] has H orthonormal
 * rows across its four gates. Axes before the last count as rows.
 */
export function orthogonal(random: Random, shape: readonly number[], gain = 1): Float32Array {
  if (shape.length < 2)
    throw new ConfigError(expected('the shape of an orthogonal matrix', 'of at least two axes', shape));
  const columns = shape[shape.length - 1];
  const rows = sizeOf(shape) / columns;
  const wide = rows <= columns;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors = new Float64Array(count * length).map(() => random.normal());
  orthonormalise(vectors, count, length);
  const out = new Float32Array(rows * columns);
  for (let v = 0; v < count; v++) {
    for (let e = 0; e < length; e++) out[wide ? v * length + e : e * count + v] = gain * vectors[v * length + e];
  }
  return out;
}

/**
 * Gram and Schmidt's process over rows, in place, by blocks of eight: a block is first freed of all earlier rows, two rows against
 * two at a time, then within itself. In float64 one pass leaves a Gaussian matrix orthogonal to far below float32. The diagonal
 * of the implied triangular factor is positive, which is what makes the result uniformly distributed (Mezzadri 2007).
 */
function orthonormalise(vectors: Float64Array, count: number, length: number): void {
  const block = 8;
  for (let start = 0; start < count; start += block) {
    const end = Math.min(start + block, count);
    for (let done = 0; done < start; done += 2) {
      for (let v = start; v < end; v += 2) removePair(vectors, length, done, v, Math.min(v + 1, end - 1));
    }
    for (let v = start; v < end; v++) {
      for (let done = start; done < v; done++) remove(vectors, length, done, v);
      normalise(vectors, length, v);
    }
  }
}

/** Frees rows v and w (which may be the same) of their parts along the rows `done` and `done + 1`. */
function removePair(vectors: Float64Array, length: number, done: number, v: number, w: number): void {
  const p0 = done * length;
  const p1 = p0 + length;
  const v0 = v * length;
  const w0 = w * length;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let e = 0; e < length; e++) {
    const x = vectors[p0 + e];
    const y = vectors[p1 + e];
    const s = vectors[v0 + e];
    const t = vectors[w0 + e];
    a += x * s;
    b += y * s;
    c += x * t;
    d += y * t;
  }
  if (v !== w) for (let e = 0; e < length; e++) vectors[w0 + e] -= c * vectors[p0 + e] + d * vectors[p1 + e];
  for (let e = 0; e < length; e++) vectors[v0 + e] -= a * vectors[p0 + e] + b * vectors[p1 + e];
}

function remove(vectors: Float64Array, length: number, done: number, v: number): void {
  let dot = 0;
  for (let e = 0; e < length; e++) dot += vectors[done * length + e] * vectors[v * length + e];
  for (let e = 0; e < length; e++) vectors[v * length + e] -= dot * vectors[done * length + e];
}

function normalise(vectors: Float64Array, length: number, v: number): void {
  let sum = 0;
  for (let e = 0; e < length; e++) sum += vectors[v * length + e] ** 2;
  const scale = 1 / Math.sqrt(sum);
  for (let e = 0; e < length; e++) vectors[v * length + e] *= scale;
}

const BY_NAME = {
  zeros: (_random: Random, shape: readonly number[]) => zeros(shape),
  ones: (_random: Random, shape: readonly number[]) => ones(shape),
  uniform: (random: Random, shape: readonly number[]) => uniform(random, shape),
  normal: (random: Random, shape: readonly number[]) => normal(random, shape),
  truncatedNormal: (random: Random, shape: readonly number[]) => truncatedNormal(random, shape),
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
  identity: (_random: Random, shape: readonly number[]) => identity(shape),
  orthogonal: (random: Random, shape: readonly number[]) => orthogonal(random, shape),
};

export type InitializerName = keyof typeof BY_NAME;

export const initializerNames = Object.keys(BY_NAME) as InitializerName[];

let filling = true;

/**
 * Makes something whose named initializers give zeros, for weights that are assigned next: an orthogonal matrix of [768, 3072] alone
 * takes seconds. What `make` makes later, it fills as ever.
 */
export function unfilled<T>(make: () => T): T {
  const before = filling;
  filling = false;
  try {
    return make();
  } finally {
    filling = before;
  }
}

/** A weight filled by the initializer of that name. */
export function initialize(name: InitializerName, shape: readonly number[], random: Random): tf.Tensor {
  const fill = BY_NAME[name];
  if (!Object.hasOwn(BY_NAME, name)) throw new ConfigError(expected('initializer', initializerNames.join(', '), name));
  return filling ? tf.tensor(fill(random, shape), [...shape], 'float32') : tf.zeros([...shape]);
}
