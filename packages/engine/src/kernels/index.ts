import * as tf from '@tensorflow/tfjs-core';
import { registerCadenzaKernels } from '@cadenza/core/browser';
import { attentionKernels } from './attention.js';
import { createKernels } from './create.js';
import { ctcKernels } from './ctc.js';
import { elementwiseKernels } from './elementwise.js';
import { gatherKernels } from './gather.js';
import type { UnregisteredKernel } from './kernel.js';
import { matMulKernels } from './matMul.js';
import { rearrangeKernels } from './rearrange.js';
import { recurrentKernels } from './recurrent.js';
import { reduceKernels } from './reduce.js';
import { softmaxKernels } from './softmax.js';
import { trainingKernels } from './training.js';

/** All kernels over native functions. */
export function nativeKernels(): UnregisteredKernel[] {
  return [
    ...recurrentKernels(),
    ...trainingKernels(),
    ...ctcKernels(),
    ...attentionKernels(),
    ...matMulKernels(),
    ...elementwiseKernels(),
    ...reduceKernels(),
    ...rearrangeKernels(),
    ...createKernels(),
    ...softmaxKernels(),
    ...gatherKernels(),
  ];
}

/** Gives a backend over native functions the kernels of the cpu backend, and the native ones in their place where there are any. */
export function registerNativeKernels(backendName: string): void {
  const known = new Set(tf.getKernelsForBackend(backendName).map(({ kernelName }) => kernelName));
  for (const config of tf.getKernelsForBackend('cpu')) {
    if (!known.has(config.kernelName)) tf.registerKernel({ ...config, backendName });
  }
  for (const kernel of nativeKernels()) {
    if (tf.getKernel(kernel.kernelName, backendName)) tf.unregisterKernel(kernel.kernelName, backendName);
    tf.registerKernel({ ...kernel, backendName });
  }
  registerCadenzaKernels(backendName);
}
