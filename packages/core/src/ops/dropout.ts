import * as tf from '@tensorflow/tfjs-core';
import { numberIn, refuseUnknown } from '../options.js';
import { assertShape, assertType } from '../shapes.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, type Kernel } from './kernel.js';
import { philoxStream } from './philox.js';

export interface DropoutOptions {
  /** The probability of dropping, of [0, 1). */
  rate: number;
  /** The key of the mask, from `random.seedPair()`: the same key gives the same mask on every backend. */
  seed: [number, number];
  /** One mask for all steps of x [B, T, D]: variational dropout, Gal and Ghahramani 2016. */
  locked?: boolean;
}

export interface DropoutMaskOptions {
  rate: number;
  seed: [number, number];
  /** Kept elements are 1 / (1 - rate), so that the mean stays 1; false: 1. True when absent. */
  scale?: boolean;
}

/**
 * Drops elements at random and scales the rest, so that the mean stays (Srivastava et al. 2014): y = x * mask / (1 - rate).
 * Element e is kept when word e of the Philox stream of the key is at least rate * 2^32.
 */
export function dropout<T extends tf.Tensor>(x: T, options: DropoutOptions): T {
  refuseUnknown('dropout', options, ['rate', 'seed', 'locked']);
  const { rate, seed, locked = false } = options;
  numberIn(rate, '[0,1)', 'rate');
  assertType(x, 'float32', 'x');
  if (locked) assertShape(x, ['B', 'T', 'D'], 'x');
  if (rate === 0) return tf.clone(x);
  return runKernel('CadenzaDropout', { x }, { rate, seed, locked })[0] as T;
}

/** The mask alone: 0 with probability `rate`, else 1 / (1 - rate), or 1 with `scale: false`. */
export function dropoutMask(shape: number[], options: DropoutMaskOptions): tf.Tensor {
  refuseUnknown('dropoutMask', options, ['rate', 'seed', 'scale']);
  const { rate, seed, scale = true } = options;
  numberIn(rate, '[0,1)', 'rate');
  return runKernel('CadenzaDropoutMask', {}, { shape, rate, seed, scale })[0];
}

/** `size` elements of a mask, 0 or `kept`. */
export function fillMask(size: number, rate: number, seed: readonly [number, number], kept: number): Float32Array {
  const words = new Uint32Array(size);
  philoxStream(words, seed);
  const threshold = Math.floor(rate * 4294967296);
  const mask = new Float32Array(size);
  for (let e = 0; e < size; e++) mask[e] = words[e] >= threshold ? kept : 0;
  return mask;
}

export const dropoutKernel: Kernel = ({ inputs, attrs, backend }) => {
  const { rate, seed, locked } = attrs as unknown as Required<DropoutOptions>;
  const x = readFloats(backend, inputs.x);
  const y = new Float32Array(x.length);
  const kept = 1 / (1 - rate);
  if (locked) {
    const [B, T, D] = inputs.x.shape;
    const mask = fillMask(B * D, rate, seed, kept);
    for (let row = 0; row < B * T; row++) {
      const maskRow = Math.floor(row / T) * D;
      for (let d = 0; d < D; d++) y[row * D + d] = x[row * D + d] * mask[maskRow + d];
    }
  } else {
    const mask = fillMask(x.length, rate, seed, kept);
    for (let e = 0; e < x.length; e++) y[e] = x[e] * mask[e];
  }
  return makeOutput(backend, y, inputs.x.shape);
};

export const dropoutMaskKernel: Kernel = ({ attrs, backend }) => {
  const { shape, rate, seed, scale } = attrs as unknown as Required<DropoutMaskOptions> & { shape: number[] };
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return makeOutput(backend, fillMask(size, rate, seed, scale ? 1 / (1 - rate) : 1), shape);
};

/** Dropout is linear in x with the mask as its factor, so its gradient is the same kernel on dy. */
export const dropoutGradient: tf.GradConfig = {
  kernelName: 'CadenzaDropout',
  gradFunc: (dy, _saved, attrs) => ({ x: () => runKernel('CadenzaDropout', { x: dy as tf.Tensor }, attrs)[0] }),
};
