import * as tf from '@tensorflow/tfjs-core';
import { integerFrom, numberIn, refuseUnknown } from '../options.js';
import { assertShape, assertType } from '../shapes.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, type Kernel } from './kernel.js';

/** One parameter with what its update reads, all of one shape. */
export interface AdamParameter {
  parameter: tf.Tensor;
  gradient: tf.Tensor;
  /** The running mean of gradients. */
  m: tf.Tensor;
  /** The running mean of squared gradients. */
  v: tf.Tensor;
  /** Decoupled: parameter -= learningRate * weightDecay * parameter. 0 when absent. */
  weightDecay?: number;
}

export interface AdamOptions {
  learningRate: number;
  /** Counts from 1; corrects the bias of m and v towards their zero start. */
  step: number;
  /** 0.9 when absent */
  beta1?: number;
  /** 0.999 when absent */
  beta2?: number;
  /** 1e-8 when absent */
  epsilon?: number;
  /** Multiplies the gradient first: the factor of clipping by norm. 1 when absent. */
  gradientScale?: number;
}

export type AdamStepArgs = AdamParameter & AdamOptions;

/** The new tensors of one parameter. */
export interface AdamUpdate {
  parameter: tf.Tensor;
  m: tf.Tensor;
  v: tf.Tensor;
}

/** What the kernel `CadenzaAdam` is told; the bias corrections stand for the step. */
export interface AdamAttributes {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  gradientScale: number;
  biasCorrection1: number;
  biasCorrection2: number;
  /** One of each parameter. */
  weightDecays: number[];
}

const adamInputs = ['parameter', 'gradient', 'm', 'v'] as const;
const adamOptionNames = ['learningRate', 'step', 'beta1', 'beta2', 'epsilon', 'gradientScale'];

/**
 * One step of Adam (Kingma and Ba 2015, algorithm 1), with the decoupled weight decay of AdamW (Loshchilov and Hutter 2019):
 *
 *     g = gradientScale * gradient
 *     m' = beta1 m + (1 - beta1) g        v' = beta2 v + (1 - beta2) g^2
 *     p' = p - lr weightDecay p - lr (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + epsilon)
 *
 * Returns new tensors; those given stay as they are.
 *
 * @throws {ConfigError} for a number that is absent, or out of its range
 */
export function adamStep(args: AdamStepArgs): AdamUpdate {
  refuseUnknown('adamStep', args, [...adamInputs, 'weightDecay', ...adamOptionNames]);
  const { parameter, gradient, m, v, weightDecay, ...options } = args;
  return adamSteps([{ parameter, gradient, m, v, weightDecay }], options)[0];
}

/** The same step of many parameters in one kernel, `CadenzaAdam`: its inputs are parameter0, gradient0, m0, v0, parameter1, ... */
export function adamSteps(parameters: readonly AdamParameter[], options: AdamOptions): AdamUpdate[] {
  refuseUnknown('adamSteps', options, adamOptionNames);
  const { learningRate, step, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, gradientScale = 1 } = options;
  integerFrom(1, step, 'step');
  const numbers = { learningRate, epsilon, gradientScale };
  for (const [name, value] of Object.entries(numbers)) numberIn(value, '[0,Infinity)', name);
  for (const [name, value] of Object.entries({ beta1, beta2 })) numberIn(value, '[0,1)', name);
  const inputs: Record<string, tf.Tensor> = {};
  parameters.forEach((given, index) => {
    refuseUnknown('a parameter of adamSteps', given, [...adamInputs, 'weightDecay']);
    numberIn(given.weightDecay ?? 0, '[0,Infinity)', 'weightDecay');
    for (const name of adamInputs) {
      assertType(given[name], 'float32', name);
      assertShape(given[name], given.parameter.shape, name);
      inputs[name + index] = given[name];
    }
  });
  const attributes: AdamAttributes = {
    ...{ learningRate, beta1, beta2, epsilon, gradientScale },
    ...{ biasCorrection1: 1 - beta1 ** step, biasCorrection2: 1 - beta2 ** step },
    weightDecays: parameters.map(({ weightDecay }) => weightDecay ?? 0),
  };
  const results = runKernel('CadenzaAdam', inputs, attributes);
  return parameters.map((_, index) => {
    const [parameter, m, v] = results.slice(3 * index);
    return { parameter, m, v };
  });
}

export const adamKernel: Kernel = ({ inputs, attrs, backend }) => {
  const attributes = attrs as unknown as AdamAttributes;
  return attributes.weightDecays.flatMap((weightDecay, index) => {
    const [p, g, m, v] = adamInputs.map((name) => readFloats(backend, inputs[name + index]));
    const { shape } = inputs[`parameter${index}`];
    return updateOne(p, g, m, v, weightDecay, attributes).map((values) => makeOutput(backend, values, shape));
  });
};

/** New values of p, m and v. */
function updateOne(
  p: Float32Array,
  g: Float32Array,
  m: Float32Array,
  v: Float32Array,
  weightDecay: number,
  { learningRate, beta1, beta2, epsilon, gradientScale, biasCorrection1, biasCorrection2 }: AdamAttributes,
): Float32Array[] {
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
  return [p1, m1, v1];
}

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
