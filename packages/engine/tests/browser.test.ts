import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { WASM_BACKEND, registerWasmBackend } from '../src/browser.js';
import { registerWasmModule } from '../src/wasm/registerWasmBackend.js';

const bytes = readFileSync(new URL('../wasm/cadenza.wasm', import.meta.url));
const HEADER = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

/** Registers the module without a kernel that training needs. */
async function registerBroken(): Promise<void> {
  await registerWasmModule(bytes);
  tf.unregisterKernel('Mean', WASM_BACKEND);
}

describe('registerWasmBackend', () => {
  beforeEach(() => {
    if (tf.findBackendFactory(WASM_BACKEND) !== null) tf.removeBackend(WASM_BACKEND);
  });

  it('takes what cannot train away again where no backend was active', async () => {
    await registerBroken();
    expect(tf.getBackend()).toBeFalsy();
    await expect(registerWasmBackend({ wasm: bytes })).rejects.toMatchObject({ name: 'BackendError' });
    expect(tf.getBackend()).toBeFalsy();
    expect(tf.ones([2]).dataSync()).toEqual(Float32Array.of(1, 1));
    expect(tf.getBackend()).toBe('cpu');
  });

  it.each<[string, Uint8Array | string | URL | number, RegExp]>([
    [
      'bytes that are damaged',
      Uint8Array.of(...HEADER, 9),
      /^Expected the WebAssembly kernels to be usable here, got: /,
    ],
    ['a module of somebody else’s', HEADER, /^Expected the WebAssembly kernels to be usable here, got: /],
    ['no module at all', 5, /^Expected the WebAssembly kernels to be usable here, got: /],
    [
      'a place that cannot be reached',
      'http://127.0.0.1:9/cadenza.wasm',
      /^Expected the WebAssembly kernels at http:\/\/127\.0\.0\.1:9\/cadenza\.wasm to be usable here, got: fetch failed$/,
    ],
  ])('refuses %s by a BackendError with its cause, and leaves the backend as it was', async (_, wasm, message) => {
    await tf.setBackend('cpu');
    await expect(registerWasmBackend({ wasm: wasm as string })).rejects.toMatchObject({
      name: 'BackendError',
      message: expect.stringMatching(message),
      cause: expect.any(Error),
    });
    expect(tf.getBackend()).toBe('cpu');
  });

  it('refuses an option it does not know', async () => {
    await expect(registerWasmBackend({ url: bytes } as object)).rejects.toThrow(
      'Expected an option that registerWasmBackend knows, got url; did you mean wasm?',
    );
  });

  it('says where no module was found', async () => {
    vi.stubGlobal('fetch', async () => new Response('', { status: 404, statusText: 'Not Found' }));
    await expect(registerWasmBackend({ wasm: 'https://localhost/cadenza.wasm' })).rejects.toMatchObject({
      name: 'BackendError',
      message: 'Expected the WebAssembly kernels at https://localhost/cadenza.wasm, got 404 Not Found',
    });
    vi.unstubAllGlobals();
  });

  it('sets the earlier backend back after a training step that fails', async () => {
    await tf.setBackend('cpu');
    await registerBroken();
    await expect(registerWasmBackend({ wasm: bytes })).rejects.toMatchObject({
      name: 'BackendError',
      message: expect.stringMatching(/^Expected the WebAssembly kernels to be usable here, got: Kernel 'Mean' not/),
    });
    expect(tf.getBackend()).toBe('cpu');
  });

  it('makes the kernels active', async () => {
    await registerWasmBackend({ wasm: bytes });
    expect(tf.getBackend()).toBe(WASM_BACKEND);
  });
});
