import * as tf from '@tensorflow/tfjs-core';
import { differentiable, isRecording, runKernel, type Save } from './customOp.js';
import {
  gradientInputs,
  gradientsByName,
  kernelCallOf,
  runSequence,
  savedTensors,
  type SequenceCall,
} from './sequenceOp.js';

/** The name of the kernel that computes two calls of another. */
export const pairedName = (kernelName: string): string => `${kernelName}Pair`;

/** The kernels that have one for two calls. */
export const pairedKernels = ['CadenzaLSTM', 'CadenzaGRU', 'CadenzaRNN'].flatMap((name) => [name, `${name}Grad`]);

const SIDES = ['first', 'second'] as const;

/**
 * Two calls of recurrent operations that do not depend on each other, as one kernel where they are of one kind: a backend may
 * then compute them at the same time. The results are those of {@link runSequence} for each.
 */
export function runSequencePair(first: SequenceCall, second: SequenceCall): [tf.Tensor[], tf.Tensor[]] {
  const { op } = first;
  if (op !== second.op) return [runSequence(first).outputs, runSequence(second).outputs];
  const recording = isRecording();
  const calls = [first, second].map((call) => kernelCallOf(call, { recording, trace: false }));
  const inputs = joined(calls.map(({ inputs }) => inputs));
  const attrs = Object.fromEntries(calls.map(({ attrs }, side) => [SIDES[side], attrs]));
  const visible = op.outputGradients.length;
  const forward = (save: Save): tf.Tensor[] => {
    const all = halves(runKernel(pairedName(op.kernel), inputs, attrs));
    save(all.flatMap((outputs, side) => savedTensors(op, calls[side].inputs, outputs)));
    if (!recording) tf.dispose(all.map((outputs) => outputs.slice(visible)));
    return all.flatMap((outputs) => outputs.slice(0, visible));
  };
  const backward = (dys: tf.Tensor[], saved: tf.Tensor[]) => {
    const kept = calls[0].inputNames.length + 1 + op.reserves.length;
    const savedOf = [saved.slice(0, kept), saved.slice(kept)];
    const dysOf = halves(dys);
    const given = calls.map(({ inputNames }, side) => gradientInputs(op, inputNames, savedOf[side], dysOf[side]));
    const wanted = calls.map(({ attrs, wantsInputGradient }, side) => [
      SIDES[side],
      { ...attrs, needInputGradient: wantsInputGradient },
    ]);
    const results = runKernel(pairedName(op.gradientKernel), joined(given), Object.fromEntries(wanted) as object);
    const count = op.differentiable.filter((name) => calls[0].inputs[name]).length;
    const resultsOf = [results.slice(0, count), results.slice(count)];
    return joined(
      calls.map(({ inputs, wantsInputGradient }, side) =>
        gradientsByName(op, inputs, resultsOf[side], wantsInputGradient),
      ),
    );
  };
  const outputs = recording ? differentiable(inputs, forward, backward) : forward(() => {});
  return halves(outputs);
}

/** The two calls of a pair's kernel as the kernel of one takes them. */
export function callsOfPair<Input, Attributes>(
  inputs: Record<string, Input>,
  attrs: Record<string, Attributes>,
): { inputs: Record<string, Input>; attrs: Attributes }[] {
  return SIDES.map((side) => {
    const own = Object.entries(inputs).filter(([name]) => name.startsWith(`${side}.`));
    return {
      inputs: Object.fromEntries(own.map(([name, input]) => [name.slice(side.length + 1), input])),
      attrs: attrs[side],
    };
  });
}

/** A pair's kernel that calls the kernel of one for each, one after the other. */
export function pairKernel(kernel: tf.KernelFunc): tf.KernelFunc {
  return ({ inputs, attrs, backend }) =>
    callsOfPair(inputs as Record<string, tf.TensorInfo>, attrs as Record<string, object>).flatMap((call) =>
      kernel({ ...call, backend } as Parameters<tf.KernelFunc>[0]),
    );
}

/** Both sides' values under names that tell the sides apart. */
function joined<Value>(sides: readonly Record<string, Value>[]): Record<string, Value> {
  return Object.fromEntries(
    sides.flatMap((values, side) => Object.entries(values).map(([name, value]) => [`${SIDES[side]}.${name}`, value])),
  );
}

function halves<Value>(values: readonly Value[]): [Value[], Value[]] {
  return [values.slice(0, values.length / 2), values.slice(values.length / 2)];
}
