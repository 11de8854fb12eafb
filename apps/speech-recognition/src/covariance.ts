import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** The mean of rows, of which there is at least one. */
export function meanOf(rows: readonly ArrayLike<number>[]): number[] {
  return Array.from(rows[0], (_, d) => rows.reduce((sum, row) => sum + row[d], 0) / rows.length);
}

export function minus(one: readonly number[], other: readonly number[]): number[] {
  return one.map((value, d) => value - other[d]);
}

/** The covariance of rows whose mean is zero. */
export function covariance(rows: readonly (readonly number[])[]): Matrix {
  const matrix = new Matrix(rows as number[][]);
  return matrix
    .transpose()
    .mmul(matrix)
    .div(Math.max(1, rows.length - 1));
}

/** The eigenvalues of a symmetric matrix, and for each its vector as a row. */
export function eigen(matrix: Matrix): { values: number[]; vectors: number[][] } {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { values: realEigenvalues, vectors: eigenvectorMatrix.transpose().to2DArray() };
}
