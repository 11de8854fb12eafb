import * as tf from '@tensorflow/tfjs-core';
import { BackendError, registerStepEngine } from '@cadenza/core/browser';
import { NativeStepEngine } from '../decoding/nativeStepEngine.js';
import { registerNativeKernels } from '../kernels/index.js';
import { WasmInstance } from './wasmAddon.js';
import { WasmBackend } from './wasmBackend.js';
import { WebAssembly, type WasmModule } from './webAssembly.js';

/** The name in TensorFlow.js; `wasm` is tfjs-backend-wasm's. */
export const WASM_BACKEND = 'cadenza-wasm';
/** Above the cpu backend's 1. */
const PRIORITY = 2;

/** The smallest module with an instruction over vectors: `(func (drop (v128.const ...)))`, shortened to a splat. */
const SIMD_PROBE = Uint8Array.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11],
]);

/** Whether this machine's WebAssembly knows vectors (Node has since version 16, browsers since 2023 at the latest). */
export function hasWasmSimd(): boolean {
  return WebAssembly !== undefined && WebAssembly.validate(SIMD_PROBE);
}

/**
 * Makes the backend `cadenza-wasm` known to TensorFlow.js, over the compiled module or its bytes. A `BackendError` that says why where
 * WebAssembly or its vectors are missing.
 */
export async function registerWasmModule(source: WasmModule | ArrayBuffer | ArrayBufferView): Promise<void> {
  if (tf.findBackendFactory(WASM_BACKEND) !== null) return;
  if (!hasWasmSimd()) throw new BackendError('Expected WebAssembly with SIMD, got none here');
  const isBytes = source instanceof ArrayBuffer || ArrayBuffer.isView(source);
  const instance = await WasmInstance.create(isBytes ? await WebAssembly.compile(source) : source);
  if (tf.findBackendFactory(WASM_BACKEND) !== null) return;
  registerNativeKernels(WASM_BACKEND);
  registerStepEngine(WASM_BACKEND, new NativeStepEngine(instance.addon));
  tf.registerBackend(WASM_BACKEND, () => new WasmBackend(WASM_BACKEND, instance), PRIORITY);
}
