import { describe, expect, it } from 'vitest';
import {
  fromBfloat16,
  packMatrix,
  toBfloat16,
  transposeValues,
  unpackMatrix,
  type StepMatrix,
} from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';

type Int8Matrix = Extract<StepMatrix, { format: 'int8' }>;

const normal = (count: number, seed = 3, size = 0.1): Float32Array => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => size * random.normal());
};

describe('bfloat16', () => {
  it('rounds to the nearest, ties to even', () => {
    // 1 + 2^-8 lies halfway between 1 and 1 + 2^-7; 1 + 3 * 2^-8 halfway between odd and even.
    const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 2 ** -8 + 2 ** -20, 1 + 3 * 2 ** -8, -1 - 2 ** -8, 3.4e38);
    expect([...fromBfloat16(toBfloat16(values))]).toEqual([1, 1, 1 + 2 ** -7, 1 + 2 ** -6, -1, Infinity]);
  });

  it('keeps infinities, zeros and NaN, whose last bits do not turn it into infinity', () => {
    const signalling = new Float32Array(Uint32Array.of(0x7f800001).buffer);
    const values = Float32Array.of(Infinity, -Infinity, -0, NaN, ...signalling);
    expect([...fromBfloat16(toBfloat16(values))]).toEqual([Infinity, -Infinity, -0, NaN, NaN]);
  });
});

describe('int8', () => {
  it('is off by half a step of its column at most, and uses the whole range', () => {
    const columns = 7;
    const values = normal(33 * columns).map((value, index) => value * (1 + (index % columns)));
    const matrix = packMatrix(values, columns, 'int8') as Int8Matrix;
    expect(matrix).toMatchObject({ rows: 33, columns });
    unpackMatrix(matrix).forEach((value, index) => {
      // Half a step, and the rounding of the quotient.
      expect(Math.abs(value - values[index])).toBeLessThanOrEqual(matrix.scales[index % columns] * 0.5 * (1 + 1e-6));
    });
    for (let column = 0; column < columns; column++) {
      const own = matrix.values.filter((_, index) => index % columns === column);
      expect(Math.max(...own.map(Math.abs))).toBe(127);
    }
  });

  it('gives the very same numbers when what was quantised is quantised again', () => {
    for (let seed = 0; seed < 50; seed++) {
      const first = packMatrix(normal(9 * 5, seed, 10 ** ((seed % 7) - 3)), 5, 'int8');
      expect(packMatrix(unpackMatrix(first), 5, 'int8')).toEqual(first);
    }
  });

  it('holds a column of zeros', () => {
    const matrix = packMatrix(Float32Array.of(0, 1, 0, -2), 2, 'int8');
    expect((matrix as Int8Matrix).scales[0]).toBe(0);
    expect((matrix as Int8Matrix).values).toEqual(Int8Array.of(0, 63, 0, -127)); // 63.5 less a hair
    expect(unpackMatrix(matrix)[3]).toBeCloseTo(-2, 4);
  });

  it('refuses weights that are not finite', () => {
    expect(() => packMatrix(Float32Array.of(0, NaN), 2, 'int8')).toThrow(
      'Expected weights to be finite to become int8, got NaN at index 1',
    );
  });
});

describe('a matrix', () => {
  it('of float32 is handed over as it is', () => {
    const values = normal(6);
    expect(packMatrix(values, 3, 'f32')).toEqual({ format: 'f32', rows: 2, columns: 3, values });
  });

  it('has whole rows', () => {
    expect(() => packMatrix(normal(7), 3, 'bf16')).toThrow('Expected a matrix of 3 columns, got 7 values');
  });

  it('transposed twice is itself', () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    expect([...transposeValues(values, 3)]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(transposeValues(transposeValues(values, 3), 2)).toEqual(values);
  });
});
