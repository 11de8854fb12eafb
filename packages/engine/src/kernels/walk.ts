/** The highest number of axes that a native kernel walks. */
export const MAXIMUM_RANK = 8;

/** A shape with the strides of two arrays, in the form that native kernels read: [shape, strides, strides]. */
export interface Walk {
  rank: number;
  numbers: Int32Array;
}

/**
 * Drops axes of length 1 and joins neighbours that both arrays step through as if they were one axis: most broadcasts,
 * transpositions and slices of any rank then have one to three axes.
 */
export function mergeAxes(shape: readonly number[], strides: readonly [readonly number[], readonly number[]]): Walk {
  const merged: [length: number, first: number, second: number][] = [];
  for (let axis = 0; axis < shape.length; axis++) {
    const length = shape[axis];
    if (length === 1) continue;
    const [first, second] = [strides[0][axis], strides[1][axis]];
    const last = merged.at(-1);
    if (last !== undefined && last[1] === first * length && last[2] === second * length) {
      merged[merged.length - 1] = [last[0] * length, first, second];
    } else {
      merged.push([length, first, second]);
    }
  }
  const rank = merged.length;
  const numbers = new Int32Array(3 * rank);
  merged.forEach((axis, index) => {
    numbers[index] = axis[0];
    numbers[rank + index] = axis[1];
    numbers[2 * rank + index] = axis[2];
  });
  return { rank, numbers };
}
