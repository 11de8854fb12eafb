/** What of the engine needs nothing of Node, for browsers: `@cadenza/engine/browser`. */
import * as tf from '@tensorflow/tfjs-core';
import { BackendError, refuseUnknown, registerCadenzaKernels } from '@cadenza/core/browser';
import { orEarlierBackend } from './earlierBackend.js';
import { smokeTest } from './smokeTest.js';
import { WASM_BACKEND, hasWasmSimd, registerWasmModule } from './wasm/registerWasmBackend.js';

export { WASM_BACKEND, hasWasmSimd };

export interface RegisterWasmOptions {
  /** The module `@cadenza/engine/wasm/cadenza.wasm`: where it lies, or its bytes. Beside this package's files when absent. */
  wasm?: string | URL | ArrayBuffer | ArrayBufferView;
}

/**
 * Makes Cadenza's WebAssembly kernels the active TensorFlow.js backend, `cadenza-wasm`, after a small training step on them.
 * A `BackendError` that says why where that is not possible; the backend is then the one it was.
 */
export async function registerWasmBackend(options: RegisterWasmOptions = {}): Promise<void> {
  refuseUnknown('registerWasmBackend', options, ['wasm']);
  // Bundlers know this form and bring the file along.
  const { wasm = new URL('../wasm/cadenza.wasm', import.meta.url) } = options;
  const isPlace = typeof wasm === 'string' || wasm instanceof URL;
  try {
    await orEarlierBackend(async () => {
      if (tf.findBackendFactory(WASM_BACKEND) === null) await registerWasmModule(isPlace ? await download(wasm) : wasm);
      if (!(await tf.setBackend(WASM_BACKEND))) throw new Error(`${WASM_BACKEND} does not start`);
      registerCadenzaKernels(WASM_BACKEND);
      smokeTest();
    });
  } catch (cause) {
    if (cause instanceof BackendError) throw cause;
    const what = `the WebAssembly kernels${isPlace ? ` at ${wasm}` : ''}`;
    const message = (cause as Error).message.split('\n')[0];
    throw new BackendError(`Expected ${what} to be usable here, got: ${message}`, { cause });
  }
}

async function download(place: string | URL): Promise<ArrayBuffer> {
  const response = await fetch(place);
  if (!response.ok) {
    throw new BackendError(
      `Expected the WebAssembly kernels at ${place}, got ${response.status} ${response.statusText}`,
    );
  }
  return response.arrayBuffer();
}
