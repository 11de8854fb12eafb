import * as tf from '@tensorflow/tfjs-core';
import { registerCadenzaKernels } from '@cadenza/core';
import { createKernels } from './create.js';
import { elementwiseKernels } from './elementwise.js';
import { gatherKernels } from './gather.js';
import { BACKEND_NAME } from './kernel.js';
import { matMulKernels } from './matMul.js';
import { rearrangeKernels } from './rearrange.js';
import { recurrentKernels } from './recurrent.js';
import { reduceKernels } from './reduce.js';
import { softmaxKernels } from './softmax.js';
import { trainingKernels } from './training.js';

/** All kernels written for the native backend. */
export function nativeKernels(): tf.KernelConfig[] {
  return [
    ...recurrentKernels(),
    ...trainingKernels(),
    ...matMulKernels(),
    ...elementwiseKernels(),
    ...reduceKernels(),
    ...rearrangeKernels(),
    ...createKernels(),
    ...softmaxKernels(),
    ...gatherKernels(),
  ];
}

/** Gives the backend `native` the kernels of the cpu backend, and its own in their place where it has them. */
export function registerNativeKernels(): void {
  const known = new Set(tf.getKernelsForBackend(BACKEND_NAME).map(({ kernelName }) => kernelName));
  for (const config of tf.getKernelsForBackend('cpu')) {
    if (!known.has(config.kernelName)) tf.registerKernel({ ...config, backendName: BACKEND_NAME });
  }
  for (const config of nativeKernels()) {
    if (tf.getKernel(config.kernelName, BACKEND_NAME)) tf.unregisterKernel(config.kernelName, BACKEND_NAME);
    tf.registerKernel(config);
  }
  registerCadenzaKernels(BACKEND_NAME);
}
