import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';

/** Numbers on which kernels go wrong. */
export const SPECIAL = [
  ...[NaN, Infinity, -Infinity, 0, -0, 1, -1, 0.5, -0.5, 88, -88, 89, -104, 20, -20],
  ...[1e-38, -1e-38, 1e-45, 3.4e38, -3.4e38, 16777217, Math.PI],
];

const number = fc.oneof(
  { weight: 9, arbitrary: fc.double({ min: -8, max: 8, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(...SPECIAL) },
);
const length: fc.Arbitrary<number> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 9, arbitrary: fc.constantFrom(1, 2, 3, 7, 16, 33) },
);

/** Shapes of up to `rank` axes and at most 4000 elements. */
export const shape = (rank = 4): fc.Arbitrary<number[]> =>
  fc.array(length, { maxLength: rank }).filter((lengths) => tf.util.sizeFromShape(lengths) <= 4000);

/** Makes a tensor of a shape whose values repeat a few chosen ones. */
export function filled(shape: number[], values: number[]): () => tf.Tensor {
  const all = Float32Array.from(
    { length: tf.util.sizeFromShape(shape) },
    (_, i) => values[(i * 31 + (i >> 3)) % values.length],
  );
  return () => tf.tensor(all.slice(), shape, 'float32');
}

const values = fc.array(number, { minLength: 1, maxLength: 40 });

/** Makers of float32 tensors. */
export const floatTensor = (rank = 4): fc.Arbitrary<() => tf.Tensor> =>
  fc.tuple(shape(rank), values).map(([lengths, chosen]) => filled(lengths, chosen));

/** Makers of two float32 tensors whose shapes broadcast. */
export const broadcastPair = (): fc.Arbitrary<[() => tf.Tensor, () => tf.Tensor]> =>
  fc
    .tuple(
      shape(4),
      fc.array(fc.constantFrom('both', 'a', 'b'), { minLength: 4, maxLength: 4 }),
      fc.nat(4),
      fc.nat(4),
      values,
      values,
    )
    .map(([lengths, sides, dropA, dropB, valuesA, valuesB]) => {
      const side = (mine: string, drop: number) =>
        lengths.map((size, axis) => (sides[axis] === 'both' || sides[axis] === mine ? size : 1)).slice(drop);
      // Only one of the two may lack leading axes, otherwise they would not be the axes they were.
      return [filled(side('a', dropA), valuesA), filled(side('b', dropB), valuesB)];
    });
