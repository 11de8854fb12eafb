import { totalmem } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { registerStepEngine } from '@cadenza/core/browser';
import { requireAddon } from './addon.js';
import { BufferPool } from './bufferPool.js';
import { NativeStepEngine } from './decoding/nativeStepEngine.js';
import { chooseInstructionSet } from './instructionSet.js';
import { registerNativeKernels } from './kernels/index.js';
import { NativeBackend } from './nativeBackend.js';

const BACKEND_NAME = 'native';
/** Above the cpu backend's 1 and WebAssembly's 2, so that a program that does not choose gets it. */
const PRIORITY = 4;

/** A quarter of the memory that this process may use; `constrainedMemory` is 0 or beyond the machine's where nothing limits it. */
export function poolLimit(): number {
  return Math.min(totalmem(), process.constrainedMemory?.() || Infinity) / 4;
}

/**
 * Makes the backend `native` known to TensorFlow.js, with no better instructions than `CADENZA_ISA`; a `BackendError` that says why when the
 * kernels are not there.
 */
export function registerNativeBackend(): void {
  const addon = requireAddon();
  if (tf.findBackendFactory(BACKEND_NAME) !== null) return;
  const limit = process.env.CADENZA_ISA;
  if (limit) chooseInstructionSet(addon, 'f32', limit);
  registerNativeKernels(BACKEND_NAME);
  registerStepEngine(BACKEND_NAME, new NativeStepEngine(addon));
  const memory = () => new BufferPool((buffer) => addon.prepareMemory(buffer), poolLimit());
  tf.registerBackend(BACKEND_NAME, () => new NativeBackend(BACKEND_NAME, addon, memory()), PRIORITY);
}
