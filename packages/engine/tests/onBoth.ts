import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import '@cadenza/core';
import { loadAddon } from '../src/addon.js';
import { registerNativeBackend } from '../src/registerNativeBackend.js';
import { WASM_BACKEND, registerWasmModule } from '../src/wasm/registerWasmBackend.js';

/** Whether the addon was built here; without a compiler its tests are skipped. */
export const isBuilt = loadAddon().addon !== null;
if (isBuilt) registerNativeBackend();
await registerWasmModule(readFileSync(new URL('../wasm/cadenza.wasm', import.meta.url)));

/** The backends over the same kernels. */
export const nativeBackends = [...(isBuilt ? ['native'] : []), WASM_BACKEND];

export interface Values {
  shape: number[];
  dtype: string;
  values: Float32Array | Int32Array | Uint8Array;
}

type Computation = () => tf.Tensor | tf.Tensor[];

/** What a computation gives on a backend; asserts that it leaves no tensor and no data behind. */
export async function computeOn(backend: string, computation: Computation): Promise<Values[]> {
  await tf.setBackend(backend);
  const before = [tf.memory().numTensors, tf.engine().backend.numDataIds()];
  const results = tf.tidy(() => computation());
  const tensors = Array.isArray(results) ? results : [results];
  const values = tensors.map((tensor) => ({
    shape: tensor.shape,
    dtype: tensor.dtype,
    values: tensor.dataSync().slice() as Float32Array,
  }));
  tf.dispose(tensors);
  expect([tf.memory().numTensors, tf.engine().backend.numDataIds()]).toEqual(before);
  return values;
}

/** Whether two numbers agree: within the tolerance relative to the larger one (or to 1), infinities and NaN exactly. */
export function agrees(a: number, b: number, tolerance: number): boolean {
  if (Object.is(a, b) || a === b) return true;
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b));
}

/**
 * Asserts that a computation gives the same shapes, types and (within the tolerance) numbers on native, and on its WebAssembly build, as
 * on cpu.
 */
export async function expectSameOnNative(computation: Computation, tolerance = 1e-6): Promise<void> {
  const expected = await computeOn('cpu', computation);
  for (const backend of nativeBackends) expectAgreement(await computeOn(backend, computation), expected, tolerance);
}

export function expectAgreement(actual: Values[], expected: Values[], tolerance: number): void {
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  expected.forEach((result, index) => {
    const wrong = result.values.findIndex((value, i) => !agrees(actual[index].values[i], value, tolerance));
    if (wrong >= 0) {
      const got = actual[index].values[wrong];
      expect.fail(
        `result ${index}, element ${wrong} of [${result.shape}]: expected ${result.values[wrong]}, got ${got}`,
      );
    }
  });
}

/** A repeatable sequence of numbers in [-1, 1). */
export function numbers(size: number, seed = 1): Float32Array {
  const values = new Float32Array(size);
  let state = seed * 2654435761;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = state / 2147483648 - 1;
  }
  return values;
}

/** A repeatable tensor of numbers in [-scale, scale). */
export function tensor(shape: number[], seed = 1, scale = 1): tf.Tensor {
  const values = numbers(tf.util.sizeFromShape(shape), seed).map((value) => value * scale);
  return tf.tensor(values, shape, 'float32');
}
