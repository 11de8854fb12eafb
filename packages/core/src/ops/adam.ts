import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, type Kernel } from './kernel.js';

export interface AdamStepArgs {
  parameter: tf.Tensor;
  gradient: tf.Tensor;
  /** The running mean of gradients. */
  m: tf.Tensor;
  /** The running mean of squared gradients. */
  v: tf.Tensor;
  learningRate: number;
  /** Counts from 1; corrects the bias of m and v towards their zero start. */
  step: number;
  /** 0.9 when absent */
  beta1?: number;
  /** 0.999 when absent */
  beta2?: number;
  /** 1e-8 when absent */
  epsilon?: number;
  /** Decoupled: parameter -= learningRate * weightDecay * parameter. 0 when absent. */
  weightDecay?: number;
  /** Multiplies the gradient first: the factor of clipping by norm. 1 when absent. */
  gradientScale?: number;
}

/** What the kernel `CadenzaAdam` is told; the bias corrections stand for the step. */
export interface AdamAttributes {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  gradientScale: number;
  biasCorrection1: number;
  biasCorrection2: number;
}

/**
 * One step of Adam (Kingma and Ba 2015, algorithm 1), with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019):
 *
 *     g = gradientScale * gradient
 *     m' = beta1 m + (1 - beta1) g        v' = beta2 v + (1 - beta2) g^2
 *     p' = p - lr weightDecay p - lr (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + epsilon)
 *
 * Returns new tensors; those given stay as they are.
 */
export function adamStep(args: AdamStepArgs): { parameter: tf.Tensor; m: tf.Tensor; v: tf.Tensor } {
  const { parameter, gradient, m, v, step, beta1 = 0.9, beta2 = 0.999 } = args;
  for (const [name, tensor] of Object.entries({ parameter, gradient, m, v })) {
    assertType(tensor, 'float32', name);
    assertShape(tensor, parameter.shape, name);
  }
  if (!Number.isInteger(step) || step < 1) throw new ConfigError(expected('step', 'a positive integer', step));
  const attributes: AdamAttributes = {
    ...{ learningRate: args.learningRate, beta1, beta2, epsilon: args.epsilon ?? 1e-8 },
    ...{ weightDecay: args.weightDecay ?? 0, gradientScale: args.gradientScale ?? 1 },
    ...{ biasCorrection1: 1 - beta1 ** step, biasCorrection2: 1 - beta2 ** step },
  };
  const results = runKernel('CadenzaAdam', { parameter, gradient, m, v }, attributes);
  return { parameter: results[0], m: results[1], v: results[2] };
}

export const adamKernel: Kernel = ({ inputs, attrs, backend }) => {
  const { learningRate, beta1, beta2, epsilon, weightDecay, ...rest } = attrs as unknown as AdamAttributes;
  const { gradientScale, biasCorrection1, biasCorrection2 } = rest;
  const shape = inputs.parameter.shape;
  const p = readFloats(backend, inputs.parameter);
  const g = readFloats(backend, inputs.gradient);
  const m = readFloats(backend, inputs.m);
  const v = readFloats(backend, inputs.v);
  const size = p.length;
  const [p1, m1, v1] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
  const keep = 1 - learningRate * weightDecay;
  for (let e = 0; e < size; e++) {
    const gradient = gradientScale * g[e];
    const mean = beta1 * m[e] + (1 - beta1) * gradient;
    const square = beta2 * v[e] + (1 - beta2) * gradient * gradient;
    m1[e] = mean;
    v1[e] = square;
    p1[e] = keep * p[e] - (learningRate * (mean / biasCorrection1)) / (Math.sqrt(square / biasCorrection2) + epsilon);
  }
  return [makeOutput(backend, p1, shape), makeOutput(backend, m1, shape), makeOutput(backend, v1, shape)];
};

/** a + weight * (b - a), elementwise: one step of an exponential moving average. */
export function lerp(a: tf.Tensor, b: tf.Tensor, weight: number): tf.Tensor {
  assertType(a, 'float32', 'a');
  assertType(b, 'float32', 'b');
  assertShape(b, a.shape, 'b');
  return runKernel('CadenzaLerp', { a, b }, { weight })[0];
}

export const lerpKernel: Kernel = ({ inputs, attrs, backend }) => {
  const weight = attrs.weight as number;
  const a = readFloats(backend, inputs.a);
  const b = readFloats(backend, inputs.b);
  const out = new Float32Array(a.length);
  for (let e = 0; e < a.length; e++) out[e] = a[e] + weight * (b[e] - a[e]);
  return makeOutput(backend, out, inputs.a.shape);
};
