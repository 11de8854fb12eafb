import { cpuKernel, nativeKernel, sizeOf, type Call, type UnregisteredKernel } from './kernel.js';

/** Softmax over the last axis. (tf.logSoftmax runs elementwise kernels, not one of its own.) */
function softmax(call: Call<{ dim: number }>) {
  const { inputs, attrs, backend } = call;
  const { logits } = inputs;
  const isLast = attrs.dim === -1 || attrs.dim === logits.shape.length - 1;
  if (logits.dtype !== 'float32' || !isLast || logits.shape.length === 0) return cpuKernel('Softmax')(call);
  const columns = logits.shape[logits.shape.length - 1];
  const { info, values } = backend.output(logits.shape);
  if (values.length > 0) {
    backend.addon.softmax(sizeOf(logits.shape) / columns, columns, false, backend.floats(logits), values);
  }
  return info;
}

export const softmaxKernels = (): UnregisteredKernel[] => [nativeKernel('Softmax', softmax)];
