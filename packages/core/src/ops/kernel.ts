import type { DataType, KernelBackend, KernelFunc, TensorInfo, TypedArray } from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';

/** What Cadenza uses of a backend: the two calls that every synchronous backend has. */
export interface DataBackend extends KernelBackend {
  readSync(dataId: object): TypedArray;
  write(values: TypedArray, shape: number[], dtype: DataType): object;
  disposeData(dataId: object): boolean;
  /** The values where they lie, for a kernel to read while it runs; where `readSync` would copy them. */
  peekSync?(dataId: object): TypedArray;
}

/** A generic kernel: plain JavaScript over typed arrays, for any backend. */
export type Kernel = (call: {
  inputs: Record<string, TensorInfo>;
  attrs: Record<string, unknown>;
  backend: DataBackend;
}) => TensorInfo | TensorInfo[];

/** The same function in the type under which tfjs registers it. */
export function asKernelFunc(kernel: Kernel): KernelFunc {
  return kernel as unknown as KernelFunc;
}

/** The values of a tensor; the backend's own memory where it has it, so for reading only, and by the running kernel only. */
export function readFloats(backend: DataBackend, info: TensorInfo): Float32Array {
  return read(backend, info) as Float32Array;
}

export function readIntegers(backend: DataBackend, info: TensorInfo): Int32Array {
  return read(backend, info) as Int32Array;
}

function read(backend: DataBackend, { dataId }: TensorInfo): TypedArray {
  return backend.peekSync?.(dataId) ?? backend.readSync(dataId);
}

/** Throws the error of the first length outside [0, limit], if there is one. */
export function checkLengths(lengths: Int32Array, limit: number): void {
  const position = lengths.findIndex((length) => length < 0 || length > limit);
  if (position < 0) return;
  const got = `${lengths[position]} at position ${position}`;
  throw new InputError(`Expected lengths to be of [0, ${limit + 1}), got ${got}`, { code: 'ID' });
}

/** Hands values over to the backend as a new float32 tensor. */
export function makeOutput(backend: DataBackend, values: Float32Array, shape: number[]): TensorInfo {
  return { dataId: backend.write(values, shape, 'float32'), shape, dtype: 'float32' };
}
