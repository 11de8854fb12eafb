import * as tf from '@tensorflow/tfjs-core';
import { cpuKernel, nativeKernel, sizeOf, stridesOf, view, type Call, type UnregisteredKernel } from './kernel.js';
import { mergeAxes, MAXIMUM_RANK } from './walk.js';

/** In the order of `UnaryOperation` in kernels.h. */
const UNARY = ['Tanh', 'Sigmoid', 'Relu', 'Exp', 'Log', 'Sqrt', 'Rsqrt', 'Square', 'Neg', 'Abs', 'Reciprocal'];

/** In the order of `BinaryOperation` in kernels.h. */
const BINARY = ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference'];

function unary(name: string, operation: number) {
  const fallback = cpuKernel(name);
  return (call: Call) => {
    const { inputs, backend } = call;
    const { x } = inputs;
    if (x.dtype !== 'float32') return fallback(call);
    const { info, values } = backend.output(x.shape);
    backend.addon.unary(operation, backend.floats(x), values);
    return info;
  };
}

/** The strides with which `shape` is read along the axes of `out`: 0 where it is broadcast. */
export function broadcastStrides(shape: readonly number[], out: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const missing = out.length - shape.length;
  return out.map((_, axis) => (axis < missing || shape[axis - missing] === 1 ? 0 : strides[axis - missing]));
}

function binary(name: string, operation: number) {
  const fallback = cpuKernel(name);
  return (call: Call) => {
    const { inputs, backend } = call;
    const { a, b } = inputs;
    if (a.dtype !== 'float32' || b.dtype !== 'float32') return fallback(call);
    const shape = tf.backend_util.assertAndGetBroadcastShape(a.shape, b.shape);
    const walk = mergeAxes(shape, [broadcastStrides(a.shape, shape), broadcastStrides(b.shape, shape)]);
    if (walk.rank > MAXIMUM_RANK) return fallback(call);
    const { info, values } = backend.output(shape);
    if (values.length > 0) backend.addon.binary(operation, walk.numbers, backend.floats(a), backend.floats(b), values);
    return info;
  };
}

function addN(call: { inputs: tf.TensorInfo[]; backend: Call['backend'] }) {
  const { inputs, backend } = call;
  if (inputs.some((input) => input.dtype !== 'float32')) return cpuKernel('AddN')(call);
  if (inputs.length === 1) return view(inputs[0], inputs[0].shape, backend);
  const walk = mergeAxes([sizeOf(inputs[0].shape)], [[1], [1]]).numbers;
  let sum: tf.TensorInfo = inputs[0];
  for (const input of inputs.slice(1)) {
    const { info, values } = backend.output(inputs[0].shape);
    if (values.length > 0) backend.addon.binary(0, walk, backend.floats(sum), backend.floats(input), values);
    if (sum !== inputs[0]) backend.disposeData(sum.dataId);
    sum = info;
  }
  return sum;
}

/** Where x > 0: 1, elsewhere alpha; NaN stays. The derivative of Relu. */
function step(call: Call<{ alpha?: number }>) {
  const { inputs, attrs, backend } = call;
  if (inputs.x.dtype !== 'float32') return cpuKernel('Step')(call);
  const { info, values } = backend.output(inputs.x.shape);
  const x = backend.floats(inputs.x);
  const alpha = attrs.alpha ?? 0;
  for (let i = 0; i < x.length; i++) values[i] = x[i] > 0 ? 1 : x[i] <= 0 ? alpha : NaN;
  return info;
}

export const elementwiseKernels = (): UnregisteredKernel[] => [
  ...UNARY.map((name, operation) => nativeKernel(name, unary(name, operation))),
  ...BINARY.map((name, operation) => nativeKernel(name, binary(name, operation))),
  nativeKernel('AddN', addN as never),
  nativeKernel('Step', step),
];
