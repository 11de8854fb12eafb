import * as tf from '@tensorflow/tfjs-core';
import { requireAddon } from './addon.js';
import { registerNativeKernels } from './kernels/index.js';
import { BACKEND_NAME } from './kernels/kernel.js';
import { NativeBackend } from './nativeBackend.js';

/** Above the cpu backend's 1 and WebAssembly's 2, so that a program that does not choose gets it. */
const PRIORITY = 4;

/** Makes the backend `native` known to TensorFlow.js; a `BackendError` that says why when the kernels are not there. */
export function registerNativeBackend(): void {
  const addon = requireAddon();
  if (tf.findBackendFactory(BACKEND_NAME) !== null) return;
  registerNativeKernels();
  tf.registerBackend(BACKEND_NAME, () => new NativeBackend(addon), PRIORITY);
}
