import * as tf from '@tensorflow/tfjs-core';

/** Receives what the backward pass needs; does nothing where no gradient is being recorded. */
export type Save = (tensors: tf.Tensor[]) => void;

interface Recorder {
  runKernelFunc(call: {
    inputs: tf.NamedTensorMap;
    forwardFunc: (backend: unknown, save: Save) => tf.Tensor[];
    backwardsFunc: (dys: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  }): tf.Tensor[];
}

/** Whether the tape of a gradient is running, so that a forward pass must keep what its backward pass needs. */
export function isRecording(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/**
 * Runs an operation with several outputs and a gradient of its own.
 *
 * `tf.customGrad` allows one output, and a gradient registered for a kernel receives a tensor of zeros for every unused output,
 * so for each reserve too, which is the largest tensor of all. Here only the outputs that `forward` returns are on the tape, and
 * what it saves is not. `backward` computes all gradients at once and hands them out by the names of the inputs.
 */
export function differentiable(
  inputs: tf.NamedTensorMap,
  forward: (save: Save) => tf.Tensor[],
  backward: (dys: tf.Tensor[], saved: tf.Tensor[]) => Record<string, tf.Tensor | (() => tf.Tensor)>,
): tf.Tensor[] {
  const recorder = tf.engine() as unknown as Recorder;
  return recorder.runKernelFunc({
    inputs,
    forwardFunc: (_backend, save) => forward(save),
    backwardsFunc: (dys, saved) => {
      const gradients = backward(Array.isArray(dys) ? dys : [dys], saved);
      const closures: Record<string, () => tf.Tensor> = {};
      for (const [name, gradient] of Object.entries(gradients)) {
        closures[name] = typeof gradient === 'function' ? gradient : () => gradient;
      }
      return closures;
    },
  });
}

/** Runs one kernel of the active backend and returns its tensors. */
export function runKernel(name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor[] {
  const out = tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap) as tf.Tensor | tf.Tensor[];
  return Array.isArray(out) ? out : [out];
}
