import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, InputError } from '../errors.js';
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

/** One call of a recurrent operation, its arguments checked. */
export interface SequenceCall {
  op: SequenceOp;
  /** The tensors by name; absent ones are undefined. */
  given: Record<string, tf.Tensor | undefined>;
  attributes: Pick<SequenceAttributes, 'reverse'> & Record<string, unknown>;
  /** False saves the gradient of x; true when absent. */
  needInputGradient?: boolean;
  sizes: Sizes;
}

/** Runs the forward kernel, and records its gradient where a tape is running. */
export function runSequence(call: SequenceCall, options: { trace?: boolean } = {}): SequenceResult {
  const { op } = call;
  const recording = isRecording();
  const trace = options.trace === true;
  const { inputs, inputNames, attrs, wantsInputGradient } = kernelCallOf(call, { recording, trace });
  const visible = op.outputGradients.length;

  if (!recording) {
    const all = runKernel(op.kernel, inputs, attrs);
    const reserves = all.slice(visible);
    if (!trace) tf.dispose(reserves);
    return { outputs: all.slice(0, visible), reserves: trace ? reserves : [] };
  }

  let reserves: tf.Tensor[] = [];
  const forward = (save: Save): tf.Tensor[] => {
    const all = runKernel(op.kernel, inputs, attrs);
    save(savedTensors(op, inputs, all));
    if (trace) reserves = all.slice(visible).map((tensor) => tf.keep(tensor));
    return all.slice(0, visible);
  };
  const backward = (dys: tf.Tensor[], saved: tf.Tensor[]) => {
    const results = runKernel(op.gradientKernel, gradientInputs(op, inputNames, saved, dys), {
      ...attrs,
      needInputGradient: wantsInputGradient,
    });
    return gradientsByName(op, inputs, results, wantsInputGradient);
  };
  return { outputs: differentiable(inputs, forward, backward), reserves };
}

/** What a kernel is called with: the tensors that are there, and the attributes. */
export function kernelCallOf(call: SequenceCall, { recording, trace }: { recording: boolean; trace: boolean }) {
  const inputs: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(call.given)) if (tensor) inputs[name] = tensor;
  const inputNames = Object.keys(inputs);
  const attrs: SequenceAttributes = { ...call.attributes, inputNames, saveReserve: recording || trace, trace };
  const wantsInputGradient = (call.needInputGradient ?? true) && inputs.x.dtype === 'float32';
  return { inputs, inputNames, attrs, wantsInputGradient };
}

/** What the backward pass needs: the inputs, the outputs' sequence and the reserves. */
export function savedTensors(op: SequenceOp, inputs: Record<string, tf.Tensor>, outputs: tf.Tensor[]): tf.Tensor[] {
  return [...Object.values(inputs), outputs[0], ...outputs.slice(op.outputGradients.length)];
}

/** The gradient kernel's inputs: saved tensors and the gradients of the outputs, by name. */
export function gradientInputs(
  op: SequenceOp,
  inputNames: readonly string[],
  saved: readonly tf.Tensor[],
  dys: readonly tf.Tensor[],
): Record<string, tf.Tensor> {
  const names = [...inputNames, 'y', ...op.reserves];
  const named: Record<string, tf.Tensor> = {};
  saved.forEach((tensor, index) => (named[names[index]] = tensor));
  op.outputGradients.forEach((name, index) => (named[name] = dys[index]));
  return named;
}

/** The gradient kernel's results by the names of the inputs that they belong to. */
export function gradientsByName(
  op: SequenceOp,
  inputs: Record<string, tf.Tensor>,
  results: readonly tf.Tensor[],
  wantsInputGradient: boolean,
): Record<string, tf.Tensor | (() => tf.Tensor)> {
  const gradients: Record<string, tf.Tensor | (() => tf.Tensor)> = {};
  const receivers = op.differentiable.filter((name) => inputs[name]);
  receivers.forEach((name, index) => (gradients[name] = results[index]));
  if (!wantsInputGradient) gradients.x = refuseInputGradient;
  return gradients;
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

/** Reads one block of a time-major reserve as a batch-major sequence: [T, B, blocks * H] -> [B, T, H]. */
export function traceBlock(reserve: tf.Tensor, block: number, sizes: Sizes): tf.Tensor3D {
  const { B, T, H } = sizes;
  return tf.tidy(() => {
    const timeMajor = tf.reshape(reserve, [T, B, reserve.size / (T * B)]);
    return tf.transpose(tf.slice(timeMajor, [0, 0, block * H], [T, B, H]), [1, 0, 2]) as tf.Tensor3D;
  });
}
