import * as tf from '@tensorflow/tfjs-core';
import { cpuKernel, nativeKernel, sizeOf, view, type Call, type UnregisteredKernel } from './kernel.js';

/** In the order of `ReduceOperation` in kernels.h. */
const OPERATIONS = { Sum: 0, Mean: 1, Max: 2, Min: 3 };

interface Attributes {
  axis?: number | number[];
  reductionIndices?: number | number[];
  keepDims?: boolean;
}

/** Neighbouring axes that are all reduced, or all kept, as one: [length, isReduced]. */
function groups(shape: readonly number[], axes: readonly number[]): [number, boolean][] {
  const merged: [number, boolean][] = [];
  shape.forEach((length, axis) => {
    const isReduced = axes.includes(axis);
    const last = merged.at(-1);
    if (last !== undefined && last[1] === isReduced) last[0] *= length;
    else merged.push([length, isReduced]);
  });
  return merged;
}

function reduce(name: keyof typeof OPERATIONS) {
  return (call: Call<Attributes>): tf.TensorInfo => {
    const { inputs, attrs, backend } = call;
    const { x } = inputs;
    const axes = tf.util.parseAxisParam((attrs.axis ?? attrs.reductionIndices) as number[], x.shape);
    if (x.dtype !== 'float32' || sizeOf(x.shape) === 0) return cpuKernel(name)(call);
    const [kept] = tf.backend_util.computeOutAndReduceShapes(x.shape, axes);
    const shape = attrs.keepDims ? tf.backend_util.expandShapeToKeepDim(kept, axes) : kept;
    const merged = groups(x.shape, axes);
    if (!merged.some(([, isReduced]) => isReduced)) return view(x, shape, backend);

    // One pass over memory for each group of reduced axes, from the innermost out.
    let current = x;
    for (let group = merged.length - 1; group >= 0; group--) {
      const [length, isReduced] = merged[group];
      if (!isReduced) continue;
      const inner = sizeOf(merged.slice(group + 1).map(([size, reduced]) => (reduced ? 1 : size)));
      const outer = sizeOf(merged.slice(0, group).map(([size]) => size));
      const { info, values } = backend.output([outer * inner]);
      backend.addon.reduce(OPERATIONS[name], outer, length, inner, backend.floats(current), values);
      if (current !== x) backend.disposeData(current.dataId);
      current = info;
    }
    return { ...current, shape };
  };
}

export const reduceKernels = (): UnregisteredKernel[] =>
  (Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[]).map((name) => nativeKernel(name, reduce(name)));
