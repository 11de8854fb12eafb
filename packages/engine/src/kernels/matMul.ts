import * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../nativeBackend.js';
import { broadcastStrides } from './elementwise.js';
import { cpuKernel, nativeKernel, sizeOf, type Call, type UnregisteredKernel } from './kernel.js';

interface Product {
  a: tf.TensorInfo;
  b: tf.TensorInfo;
  transposeA?: boolean;
  transposeB?: boolean;
}

/** In the order of `Activation` in kernels.h, under the names that tfjs gives them. */
const ACTIVATIONS = ['linear', 'relu', 'tanh', 'sigmoid'];

/**
 * Above so many rows the product takes so long that packing its right operand does not matter (1.4 times as long for 64 rows of
 * [512, 8000] with AVX2, 1.06 for 320, nothing for 640); below, it is read where it lies.
 */
const PACKED_ROWS = { from: 5, to: 512 };
/** Smaller operands are packed in no time. */
const PACKED_SIZE = 1 << 18;

/** Whether few rows meet a large matrix: a step of decoding, whose weights stay, rather than one of training, whose weights do not. */
function isWorthPacking(m: number, k: number, n: number): boolean {
  return m >= PACKED_ROWS.from && m <= PACKED_ROWS.to && k * n >= PACKED_SIZE;
}

interface Rows extends Required<Product> {
  m: number;
  n: number;
  k: number;
  c: Float32Array;
  bias: Float32Array | null;
  activation: number;
  backend: NativeBackend;
}

/** One right operand for all rows, which is packed for those that come later where that is worth it. */
function multiplyRows({ m, n, k, a, b, c, transposeA, transposeB, bias, activation, backend }: Rows): void {
  const { addon } = backend;
  const valuesA = backend.floats(a);
  const packed = isWorthPacking(m, k, n)
    ? backend.packedMatrix(b, transposeB, (values) => addon.packMatrix(k, n, values, transposeB))
    : null;
  if (packed) addon.gemmPacked(m, n, k, valuesA, transposeA, packed, bias, activation, c);
  else addon.gemm(m, n, k, 1, true, true, valuesA, transposeA, backend.floats(b), transposeB, bias, activation, c);
}

/** C [..., M, N] = activation(op(A) [..., M, K] op(B) [..., K, N] + bias [N]) */
function multiply(
  { a, b, transposeA = false, transposeB = false }: Product,
  backend: NativeBackend,
  bias: Float32Array | null = null,
  activation = 0,
): tf.TensorInfo {
  tf.util.assert(
    a.shape.length >= 2 && b.shape.length >= 2,
    () => `Error in matMul: inputs must have at least rank 2, got shapes [${a.shape}] and [${b.shape}].`,
  );
  const [rowsA, columnsA] = a.shape.slice(-2);
  const [rowsB, columnsB] = b.shape.slice(-2);
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA];
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB];
  tf.util.assert(
    k === inner,
    () =>
      `Error in matMul: inner shapes (${k}) and (${inner}) of Tensors with shapes ${a.shape} and ${b.shape} and ` +
      `transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
  const { info, values: c } = backend.output([...outer, m, n]);
  if (c.length === 0) return info;
  const [batch, batchA, batchB] = [sizeOf(outer), sizeOf(outerA), sizeOf(outerB)];
  const product = { ...{ m, n, k, a, b, c, bias, activation, backend }, transposeA, transposeB };
  if (batchB === 1 && (batch === 1 || (batchA === batch && !transposeA))) {
    multiplyRows({ ...product, m: batch * m });
    return info;
  }
  const [valuesA, valuesB] = [backend.floats(a), backend.floats(b)];
  if ((batchA === batch || batchA === 1) && (batchB === batch || batchB === 1)) {
    const [sharedA, sharedB] = [batchA === 1, batchB === 1];
    backend.addon.gemm(m, n, k, batch, sharedA, sharedB, valuesA, transposeA, valuesB, transposeB, bias, activation, c);
    return info;
  }
  // Both are broadcast, along different axes: one product at a time.
  const [stridesA, stridesB] = [broadcastStrides(outerA, outer), broadcastStrides(outerB, outer)];
  const strides = tf.util.computeStrides(outer);
  for (let index = 0; index < batch; index++) {
    const at = tf.util.indexToLoc(index, outer.length, strides);
    const offset = (axes: number[]) => axes.reduce((sum, stride, axis) => sum + stride * at[axis], 0);
    const partA = valuesA.subarray(offset(stridesA) * m * k).subarray(0, m * k);
    const partB = valuesB.subarray(offset(stridesB) * k * n).subarray(0, k * n);
    const part = c.subarray(index * m * n, (index + 1) * m * n);
    backend.addon.gemm(m, n, k, 1, true, true, partA, transposeA, partB, transposeB, bias, activation, part);
  }
  return info;
}

function batchMatMul(call: Call<{ transposeA?: boolean; transposeB?: boolean }>) {
  const { inputs, attrs, backend } = call;
  const { a, b } = inputs;
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return cpuKernel('BatchMatMul')(call);
  return multiply({ a, b, ...attrs }, backend);
}

interface FusedAttributes {
  transposeA?: boolean;
  transposeB?: boolean;
  activation?: string;
  leakyreluAlpha?: number;
}

/** A product with its bias and activation in one pass, where the kernel has them; otherwise one kernel after the other. */
function fusedMatMul(call: Call<FusedAttributes>) {
  const { inputs, attrs, backend } = call;
  const { a, b, bias } = inputs;
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return cpuKernel('_FusedMatMul')(call);
  const { transposeA, transposeB, activation = 'linear' } = attrs;
  const product = { a, b, transposeA, transposeB };
  const code = ACTIVATIONS.indexOf(activation);
  const columns = transposeB ? b.shape.at(-2) : b.shape.at(-1);
  const isRow =
    bias === undefined || (bias.dtype === 'float32' && sizeOf(bias.shape) === columns && bias.shape.at(-1) === columns);
  if (isRow && code >= 0) return multiply(product, backend, bias ? backend.floats(bias) : null, code);

  const run = (name: string, kernelInputs: object, kernelAttrs: object = {}) =>
    tf.getKernel(name, backend.name).kernelFunc({
      inputs: kernelInputs as tf.NamedTensorInfoMap,
      attrs: { ...kernelAttrs },
      backend,
    }) as tf.TensorInfo;
  const replace = (old: tf.TensorInfo, made: tf.TensorInfo) => {
    backend.disposeData(old.dataId);
    return made;
  };
  let result = multiply(product, backend);
  if (bias) result = replace(result, run('Add', { a: result, b: bias }));
  return replace(
    result,
    activate(activation, result, inputs.preluActivationWeights, attrs.leakyreluAlpha, run, backend),
  );
}

type Run = (name: string, inputs: object, attrs?: object) => tf.TensorInfo;

function activate(
  activation: string,
  x: tf.TensorInfo,
  alpha: tf.TensorInfo | undefined,
  leakyreluAlpha: number | undefined,
  run: Run,
  backend: NativeBackend,
): tf.TensorInfo {
  switch (activation) {
    case 'linear':
      backend.incRef(x.dataId);
      return x;
    case 'relu':
      return run('Relu', { x });
    case 'tanh':
      return run('Tanh', { x });
    case 'sigmoid':
      return run('Sigmoid', { x });
    case 'relu6':
      return run('Relu6', { x });
    case 'elu':
      return run('Elu', { x });
    case 'prelu':
      return run('Prelu', { x, alpha });
    case 'leakyrelu':
      return run('LeakyRelu', { x }, { alpha: leakyreluAlpha });
    default:
      throw new Error(`Activation ${activation} has not been implemented for the native backend.`);
  }
}

export const matMulKernels = (): UnregisteredKernel[] => [
  nativeKernel('BatchMatMul', batchMatMul),
  nativeKernel('_FusedMatMul', fusedMatMul),
];
