import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import { assertShape, assertType, type Dimension, type Sizes } from '../shapes.js';
import { differentiable, isRecording, runKernel, type Save } from './customOp.js';

/** One recurrent operation: its kernels, and which of its tensors are outputs, reserves and receivers of gradients. */
export interface SequenceOp {
  kernel: string;
  gradientKernel: string;
  /** The gradients the outputs of the forward kernel receive, in their order. */
  outputGradients: readonly string[];
  /** The forward kernel's further outputs: kept for the backward pass and for traces. */
  reserves: readonly string[];
  /** The inputs that receive a gradient, in the order of the gradient kernel's outputs. */
  differentiable: readonly string[];
}

/** Attributes common to every recurrent kernel. */
export interface SequenceAttributes {
  /** The names of the inputs, in the order of `SequenceOp` inputs; optional ones appear only when given. */
  inputNames: string[];
  /** Walk from the last step to the first. Outputs stay at their own time index. */
  reverse: boolean;
  /** Fill the reserves; they have shape [0] otherwise. */
  saveReserve: boolean;
  /** The reserves are read: gates are float32 then, which a kernel may otherwise keep as it likes. */
  trace: boolean;
}

export interface SequenceResult {
  outputs: tf.Tensor[];
  /** Only where a trace was asked for. */
  reserves: tf.Tensor[];
}

/** Runs the forward kernel, and records its gradient where a tape is running. */
export function runSequence(
  op: SequenceOp,
  given: Record<string, tf.Tensor | undefined>,
  attributes: Pick<SequenceAttributes, 'reverse'> & Record<string, unknown>,
  options: { trace?: boolean; needInputGradient?: boolean } = {},
): SequenceResult {
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(given)) if (tensor) inputs[name] = tensor;
  const inputNames = Object.keys(inputs);
  const recording = isRecording();
  const trace = options.trace === true;
  const attrs: SequenceAttributes = { ...attributes, inputNames, saveReserve: recording || trace, trace };
  const visible = op.outputGradients.length;

  if (!recording) {
    const all = runKernel(op.kernel, inputs, attrs);
    const reserves = all.slice(visible);
    if (!trace) tf.dispose(reserves);
    return { outputs: all.slice(0, visible), reserves: trace ? reserves : [] };
  }

  let reserves: tf.Tensor[] = [];
  const needInputGradient = (options.needInputGradient ?? true) && inputs.x.dtype === 'float32';
  const forward = (save: Save): tf.Tensor[] => {
    const all = runKernel(op.kernel, inputs, attrs);
    save([...inputNames.map((name) => inputs[name]), all[0], ...all.slice(visible)]);
    if (trace) reserves = all.slice(visible).map((tensor) => tf.keep(tensor));
    return all.slice(0, visible);
  };
  const backward = (dys: tf.Tensor[], saved: tf.Tensor[]) => {
    const names = [...inputNames, 'y', ...op.reserves];
    const gradientInputs: Record<string, tf.Tensor> = {};
    saved.forEach((tensor, index) => (gradientInputs[names[index]] = tensor));
    op.outputGradients.forEach((name, index) => (gradientInputs[name] = dys[index]));
    const results = runKernel(op.gradientKernel, gradientInputs, { ...attrs, needInputGradient });
    const gradients: Record<string, tf.Tensor | (() => tf.Tensor)> = {};
    const receivers = op.differentiable.filter((name) => inputs[name]);
    receivers.forEach((name, index) => (gradients[name] = results[index]));
    if (!needInputGradient) gradients.x = refuseInputGradient;
    return gradients;
  };
  return { outputs: differentiable(inputs, forward, backward), reserves };
}

function refuseInputGradient(): tf.Tensor {
  throw new ConfigError('Expected no gradient of x to be asked for, got a request, though needInputGradient is false');
}

/** Checks x, [B, T, D] features or [B, T] ids, against the kernel [D, gates * H]; learns B, T, D and H. */
export function checkInput(x: tf.Tensor, kernel: tf.Tensor, gates: number): Sizes {
  const sizes: Sizes = {};
  if (x.dtype === 'int32') {
    assertShape(x, ['B', 'T'], 'x (int32 ids)', sizes);
    assertShape(kernel, ['V', `${gates}H`], 'kernel', sizes);
  } else {
    assertType(x, 'float32', 'x');
    assertShape(x, ['B', 'T', 'D'], 'x', sizes);
    assertShape(kernel, ['D', `${gates}H`], 'kernel', sizes);
  }
  if (sizes.T === 0) throw new InputError('Expected x to have at least one step, got none', { code: 'SHAPE' });
  return sizes;
}

/** Checks each given tensor of a list of [name, tensor, shape], float32 but for `lengths`. */
export function checkAll(
  list: ReadonlyArray<readonly [name: string, tensor: tf.Tensor | undefined, shape: readonly Dimension[]]>,
  sizes: Sizes,
): void {
  for (const [name, tensor, shape] of list) {
    if (!tensor) continue;
    assertType(tensor, name === 'lengths' ? 'int32' : 'float32', name);
    assertShape(tensor, shape, name, sizes);
  }
}

/** Checks a rate such as zoneout's and returns it, 0 when absent. */
export function checkRate(rate: number | undefined, name: string): number {
  const value = rate ?? 0;
  if (!(value >= 0 && value < 1)) throw new ConfigError(expected(name, 'a number of [0, 1)', value));
  return value;
}

/** Reads one block of a time-major reserve as a batch-major sequence: [T, B, blocks * H] -> [B, T, H]. */
export function traceBlock(reserve: tf.Tensor, block: number, sizes: Sizes): tf.Tensor3D {
  const { B, T, H } = sizes;
  return tf.tidy(() => {
    const timeMajor = tf.reshape(reserve, [T, B, reserve.size / (T * B)]);
    return tf.transpose(tf.slice(timeMajor, [0, 0, block * H], [T, B, H]), [1, 0, 2]) as tf.Tensor3D;
  });
}
