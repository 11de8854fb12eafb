import type { TensorInfo } from '@tensorflow/tfjs-core';
import { backendAlgebra, type Algebra, type Floats, type Matrix } from './algebra.js';
import { checkId, sumRowsById } from './embedding.js';
import { checkLengths, makeOutput, type DataBackend, type Kernel } from './kernel.js';
import { layerNormRow, layerNormRowGradient } from './layerNorm.js';
import type { SequenceOp } from './sequenceOp.js';

/** What a kernel is called with. */
export type KernelCall = Parameters<Kernel>[0];

/**
 * What the generic recurrent kernels share: the product of the inputs of all steps at once, its gradients, and the walk's order.
 * Rows of x, y and their gradients are batch-major, row b * T + t, as the tensors are.
 */
export interface SequenceData {
  B: number;
  T: number;
  /** The input's size, or the number of ids when x holds ids. */
  D: number;
  H: number;
  reverse: boolean;
  /** The given tensors' values, by name. */
  floats: Partial<Record<string, Floats>>;
  ids?: Int32Array;
  lengths?: Int32Array;
}

/** Reads the tensors of a kernel call. */
export function readSequence(
  inputs: Record<string, TensorInfo>,
  attrs: Record<string, unknown>,
  backend: DataBackend,
  gates: number,
): SequenceData {
  const data: SequenceData = {
    B: inputs.x.shape[0],
    T: inputs.x.shape[1],
    D: inputs.kernel.shape[0],
    H: inputs.kernel.shape[1] / gates,
    reverse: attrs.reverse === true,
    floats: {},
  };
  for (const [name, info] of Object.entries(inputs)) {
    if (!info) continue;
    const values = backend.readSync(info.dataId);
    if (name === 'lengths') data.lengths = values as Int32Array;
    else if (name === 'x' && info.dtype === 'int32') data.ids = values as Int32Array;
    else data.floats[name] = values as Float32Array;
  }
  if (data.lengths) checkLengths(data.lengths, data.T);
  if (data.lengths && data.floats.x) data.floats.x = withoutPadding(data, data.floats.x);
  return data;
}

/** x with zeros at padded steps: products over all rows then take nothing from there, not even NaN. */
function withoutPadding({ B, T, D, lengths }: SequenceData, x: Floats): Floats {
  const clean = x.slice();
  for (let b = 0; b < B; b++) clean.fill(0, (b * T + lengths![b]) * D, (b + 1) * T * D);
  return clean;
}

/** A forward kernel: reads the call, runs the walk, hands each of its outputs, values and shape, over to the backend. */
export function forwardKernel<D extends SequenceData>(
  read: (call: KernelCall) => D,
  walk: (data: D, algebra: Algebra, saveReserve: boolean) => [values: Floats, shape: number[]][],
): Kernel {
  return (call) => {
    const algebra = backendAlgebra(call.backend);
    try {
      const outputs = walk(read(call), algebra, call.attrs.saveReserve === true);
      return outputs.map(([values, shape]) => makeOutput(call.backend, values as Float32Array, shape));
    } finally {
      algebra.release();
    }
  };
}

/** A gradient kernel: `backward` gives the gradients of those inputs of `op.differentiable` that are there, that of x empty where not needed. */
export function gradientKernel<D extends SequenceData>(
  op: SequenceOp,
  read: (call: KernelCall) => D,
  backward: (data: D, algebra: Algebra, needInputGradient: boolean) => Floats[],
): Kernel {
  return (call) => {
    const { inputs, attrs, backend } = call;
    const algebra = backendAlgebra(backend);
    const needInputGradient = attrs.needInputGradient === true;
    try {
      const gradients = backward(read(call), algebra, needInputGradient);
      const names = op.differentiable.filter((name) => inputs[name]);
      return gradients.map((values, index) => {
        const name = names[index];
        const shape = name === 'x' && !needInputGradient ? [0] : inputs[name].shape;
        return makeOutput(backend, values as Float32Array, shape);
      });
    } finally {
      algebra.release();
    }
  };
}

/** Whether row b has a step t. */
export function isValid({ lengths }: SequenceData, b: number, t: number): boolean {
  return lengths === undefined || t < lengths[b];
}

/** The time index of the walk's n-th step. */
export function timeOf({ T, reverse }: SequenceData, n: number): number {
  return reverse ? T - 1 - n : n;
}

/** x W of all steps, [B * T, W]; a row of the kernel for each id. */
export function inputProduct(data: SequenceData, algebra: Algebra, width: number): Floats {
  const { B, T, D, ids } = data;
  const kernel = data.floats.kernel!;
  const product = algebra.allocate(B * T * width);
  if (ids) {
    for (let row = 0; row < B * T; row++) {
      if (!isValid(data, Math.floor(row / T), row % T)) continue;
      const id = checkId(ids[row], D, row);
      product.set(kernel.subarray(id * width, (id + 1) * width), row * width);
    }
  } else {
    algebra.multiply(product, data.floats.x!, algebra.matrix(kernel, D, width), B * T);
  }
  return product;
}

/** Normalises every row in place where a norm is given. */
export function normaliseRows(rows: Floats, width: number, norm: Floats | undefined): void {
  if (!norm) return;
  for (let start = 0; start < rows.length; start += width) layerNormRow(rows, start, width, norm);
}

/** Turns the gradients of normalised rows into those of the raw rows, in place; returns the norm's own gradient. */
export function normaliseRowsGradient(d: Floats, raw: Floats, width: number, norm: Floats, algebra: Algebra): Floats {
  const dnorm = new Float64Array(2 * width);
  for (let start = 0; start < d.length; start += width) layerNormRowGradient(d, raw, start, width, norm, dnorm);
  return rounded(dnorm, algebra);
}

/** The gradients of x W from those of all its rows [B * T, W]; dx is empty where it is not needed or x holds ids. */
export function inputGradients(
  data: SequenceData,
  algebra: Algebra,
  drows: Floats,
  width: number,
  needInputGradient: boolean,
): { dx: Floats; dkernel: Floats } {
  const { B, T, D, ids } = data;
  const dkernel = algebra.allocate(D * width);
  if (ids) {
    const counted = ids.map((id, row) => (isValid(data, Math.floor(row / T), row % T) ? id : -1));
    sumRowsById(dkernel, drows, counted, width);
    return { dx: algebra.allocate(0), dkernel };
  }
  algebra.multiply(dkernel, data.floats.x!, algebra.matrix(drows, B * T, width), D, { transposeA: true });
  if (!needInputGradient) return { dx: algebra.allocate(0), dkernel };
  const dx = algebra.allocate(B * T * D);
  algebra.multiply(dx, drows, algebra.matrix(data.floats.kernel!, D, width), B * T, { transposeB: true });
  return { dx, dkernel };
}

/** h_{t-1} of every step, [B * T, P], times the recurrent mask where there is one; zero at padded steps. */
export function previousStates(data: SequenceData, algebra: Algebra, P: number, masked: boolean): Floats {
  const { B, T, reverse } = data;
  const { y, h0, recurrentMask } = data.floats as Record<string, Floats>;
  const previous = algebra.allocate(B * T * P);
  for (let b = 0; b < B; b++) {
    const length = data.lengths?.[b] ?? T;
    for (let t = 0; t < length; t++) {
      const first = reverse ? t === length - 1 : t === 0;
      const source = first ? h0 : y;
      const from = first ? b * P : (b * T + (reverse ? t + 1 : t - 1)) * P;
      const to = (b * T + t) * P;
      for (let p = 0; p < P; p++) previous[to + p] = source[from + p];
      if (masked && recurrentMask) for (let p = 0; p < P; p++) previous[to + p] *= recurrentMask[b * P + p];
    }
  }
  return previous;
}

/** out [M, columns] = previous^T drows: the gradient of a recurrent kernel from the rows of all steps. */
export function weightGradient(
  algebra: Algebra,
  inputs: Floats,
  drows: Floats,
  rows: number,
  width: number,
  columns: number,
): Floats {
  const gradient = algebra.allocate(width * columns);
  algebra.multiply(gradient, inputs, algebra.matrix(drows, rows, columns), width, { transposeA: true });
  return gradient;
}

/** The sum of all rows, added in float64. */
export function sumRows(rows: Floats, width: number, algebra: Algebra): Floats {
  const sum = new Float64Array(width);
  for (let start = 0; start < rows.length; start += width) {
    for (let w = 0; w < width; w++) sum[w] += rows[start + w];
  }
  return rounded(sum, algebra);
}

/** Sums kept in float64 as the numbers of the algebra. */
export function rounded(sums: Float64Array, algebra: Algebra): Floats {
  const out = algebra.allocate(sums.length);
  out.set(sums);
  return out;
}

/** state * mask, or the state itself where there is no mask. */
export function applyMask(state: Floats, mask: Floats | undefined, out: Floats): Floats {
  if (!mask) return state;
  for (let e = 0; e < state.length; e++) out[e] = state[e] * mask[e];
  return out;
}

export const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

export type { Algebra, Floats, Matrix };
