import { getBackend, getKernel, type TensorInfo } from '@tensorflow/tfjs-core';
import type { DataBackend } from './kernel.js';

/** Numbers of a generic kernel: float32 in use, float64 where a test takes finite differences. */
export type Floats = Float32Array | Float64Array;

/** A right-hand operand that is multiplied with many times. */
export interface Matrix {
  values: Floats;
  rows: number;
  columns: number;
  /** The transpose, made when first needed. */
  transposed?: Floats;
  /** The same two in the backend's hands. */
  info?: TensorInfo;
  transposedInfo?: TensorInfo;
}

export interface ProductOptions {
  transposeA?: boolean;
  transposeB?: boolean;
}

/** What generic kernels need of linear algebra. */
export interface Algebra {
  allocate(size: number): Floats;
  matrix(values: Floats, rows: number, columns: number): Matrix;
  /** out [M, N] = a b, where b, or its transpose, is [K, N] and `a` is [M, K], or [K, M] when transposed. */
  multiply(out: Floats, a: Floats, b: Matrix, M: number, options?: ProductOptions): void;
  /** Gives back what the matrices hold outside of JavaScript. */
  release(): void;
}

/** Linear algebra in plain JavaScript. */
export function plainAlgebra(Type: Float32ArrayConstructor | Float64ArrayConstructor): Algebra {
  return {
    allocate: (size) => new Type(size),
    matrix: (values, rows, columns) => ({ values, rows, columns }),
    multiply(out, a, b, M, { transposeA = false, transposeB = false } = {}) {
      const K = transposeB ? b.columns : b.rows;
      const N = transposeB ? b.rows : b.columns;
      if (transposeB) b.transposed ??= transpose(b.values, b.rows, b.columns);
      out.fill(0);
      multiplyAdd(out, a, transposeA ? 1 : K, transposeA ? M : 1, transposeB ? b.transposed! : b.values, M, K, N);
    },
    release() {},
  };
}

/** Below this number of multiplications a call into the backend costs more than it saves. */
const SMALL_PRODUCT = 1 << 15;

/**
 * Linear algebra that leaves large products to the backend's own matrix product, where it is not JavaScript too. Operands are
 * transposed here: the fast path of the wasm backend takes them only as they are.
 */
export function backendAlgebra(backend: DataBackend): Algebra {
  const plain = plainAlgebra(Float32Array);
  const name = getBackend();
  const batchMatMul = name === 'cpu' ? undefined : getKernel('BatchMatMul', name)?.kernelFunc;
  if (!batchMatMul) return plain;
  const handed: object[] = [];
  const write = (values: Floats, rows: number, columns: number): TensorInfo => {
    const shape = [1, rows, columns];
    return { dataId: backend.write(values as Float32Array, shape, 'float32'), shape, dtype: 'float32' };
  };

  return {
    ...plain,
    multiply(out, a, b, M, options = {}) {
      const { transposeA = false, transposeB = false } = options;
      const K = transposeB ? b.columns : b.rows;
      const N = transposeB ? b.rows : b.columns;
      if (M * K * N < SMALL_PRODUCT) return plain.multiply(out, a, b, M, options);
      const side = transposeB ? 'transposedInfo' : 'info';
      if (!b[side]) {
        b[side] = write(transposeB ? transpose(b.values, b.rows, b.columns) : b.values, K, N);
        handed.push(b[side].dataId);
      }
      const left = write(transposeA ? transpose(a, K, M) : a, M, K);
      const attrs = { transposeA: false, transposeB: false };
      const product = batchMatMul({ inputs: { a: left, b: b[side] }, attrs, backend }) as TensorInfo;
      out.set(backend.readSync(product.dataId) as Float32Array);
      backend.disposeData(product.dataId);
      backend.disposeData(left.dataId);
    },
    release() {
      for (const dataId of handed.splice(0)) backend.disposeData(dataId);
    },
  };
}

/** [rows, columns] -> [columns, rows], by blocks that stay in the cache. */
function transpose(values: Floats, rows: number, columns: number): Floats {
  const out = new (values.constructor as Float32ArrayConstructor)(values.length);
  const block = 32;
  for (let row0 = 0; row0 < rows; row0 += block) {
    const row1 = Math.min(row0 + block, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = row0; row < row1; row++) out[column * rows + row] = values[row * columns + column];
    }
  }
  return out;
}

/**
 * c [M, N] += a b [K, N], where element (m, k) of `a` is a[m * aRow + k * aColumn]. Two rows of `a` and four of b at a time: eight
 * multiplications for every six numbers read. Four products at a time are added in float64 and then rounded into c, so that of K = 8192
 * about half the error is left that a chain of float32 additions makes.
 */
export function multiplyAdd(
  c: Floats,
  a: Floats,
  aRow: number,
  aColumn: number,
  b: Floats,
  M: number,
  K: number,
  N: number,
): void {
  for (let m = 0; m < M; m += 2) {
    const two = m + 1 < M;
    const row = m * aRow;
    const next = two ? row + aRow : row;
    const out = m * N;
    let k = 0;
    for (; k + 3 < K; k += 4) {
      const k0 = k * aColumn;
      const k1 = k0 + aColumn;
      const k2 = k1 + aColumn;
      const k3 = k2 + aColumn;
      const a0 = a[row + k0];
      const a1 = a[row + k1];
      const a2 = a[row + k2];
      const a3 = a[row + k3];
      if (two) {
        multiplyTwoRows(c, out, b, k * N, N, a0, a1, a2, a3, a[next + k0], a[next + k1], a[next + k2], a[next + k3]);
      } else {
        multiplyOneRow(c, out, b, k * N, N, a0, a1, a2, a3);
      }
    }
    for (; k < K; k++) {
      const a0 = a[row + k * aColumn];
      const e0 = a[next + k * aColumn];
      const b0 = k * N;
      for (let n = 0; n < N; n++) c[out + n] += a0 * b[b0 + n];
      if (two) for (let n = 0; n < N; n++) c[out + N + n] += e0 * b[b0 + n];
    }
  }
}

function multiplyOneRow(
  c: Floats,
  out: number,
  b: Floats,
  b0: number,
  N: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
): void {
  const b1 = b0 + N;
  const b2 = b1 + N;
  const b3 = b2 + N;
  for (let n = 0; n < N; n++) {
    c[out + n] += a0 * b[b0 + n] + a1 * b[b1 + n] + a2 * b[b2 + n] + a3 * b[b3 + n];
  }
}

function multiplyTwoRows(
  c: Floats,
  out: number,
  b: Floats,
  b0: number,
  N: number,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  e0: number,
  e1: number,
  e2: number,
  e3: number,
): void {
  const b1 = b0 + N;
  const b2 = b1 + N;
  const b3 = b2 + N;
  const out1 = out + N;
  for (let n = 0; n < N; n++) {
    const v0 = b[b0 + n];
    const v1 = b[b1 + n];
    const v2 = b[b2 + n];
    const v3 = b[b3 + n];
    c[out + n] += a0 * v0 + a1 * v1 + a2 * v2 + a3 * v3;
    c[out1 + n] += e0 * v0 + e1 * v1 + e2 * v2 + e3 * v3;
  }
}
