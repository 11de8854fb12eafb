import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../nativeBackend.js';

/** A kernel's inputs, by name. */
export type Inputs = Record<string, tf.TensorInfo>;

/** One call of a native kernel, as TensorFlow.js makes it. */
export interface Call<Attributes = Record<string, unknown>> {
  inputs: Inputs;
  attrs: Attributes;
  backend: NativeBackend;
}

type NativeKernel<Attributes> = (call: Call<Attributes>) => tf.TensorInfo | tf.TensorInfo[];

/** A kernel before it is registered for a backend by name. */
export type UnregisteredKernel = Omit<tf.KernelConfig, 'backendName'>;

/** A kernel over native functions; one that throws leaves no output behind. */
export function nativeKernel<Attributes>(kernelName: string, kernel: NativeKernel<Attributes>): UnregisteredKernel {
  const kernelFunc = (call: Call<Attributes>) => call.backend.discardingOutputs(() => kernel(call));
  return { kernelName, kernelFunc: kernelFunc as unknown as tf.KernelFunc };
}

/** What the cpu backend's kernel computes: for types and shapes that native kernels do not take. */
export function cpuKernel(
  kernelName: string,
): (call: { inputs: object; attrs?: object; backend: NativeBackend }) => tf.TensorInfo {
  const found = tf.getKernel(kernelName, 'cpu');
  if (!found) throw new Error(`Expected the cpu backend to have the kernel ${kernelName}`);
  return found.kernelFunc as unknown as ReturnType<typeof cpuKernel>;
}

/** The number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const length of shape) size *= length;
  return size;
}

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Another name and shape for the same data. */
export function view(x: tf.TensorInfo, shape: number[], backend: NativeBackend): tf.TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape, dtype: x.dtype };
}
