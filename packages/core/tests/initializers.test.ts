import * as fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import * as initializers from '../src/initializers.js';
import { Random } from '../src/random.js';

const { initialize, initializerNames, orthogonal, unfilled } = initializers;

/** The largest deviation of the Gram matrix of the shorter side from the identity times gain^2. */
function orthogonalityError(values: Float32Array, rows: number, columns: number, gain: number): number {
  const wide = rows <= columns;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const at = (v: number, e: number) => (wide ? values[v * columns + e] : values[e * columns + v]);
  let worst = 0;
  for (let v = 0; v < count; v++) {
    for (let w = 0; w <= v; w++) {
      let dot = 0;
      for (let e = 0; e < length; e++) dot += at(v, e) * at(w, e);
      worst = Math.max(worst, Math.abs(dot - (v === w ? gain * gain : 0)));
    }
  }
  return worst;
}

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

describe('orthogonal', () => {
  it('has orthonormal rows or columns, whatever its shape', () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, fc.integer({ min: 0, max: 1e6 }), (rows, columns, seed) => {
        const values = orthogonal(new Random(seed), [rows, columns], 1.5);
        // Rounding to float32 leaves 6e-8 an element; sums of 40 products stay well below this.
        expect(orthogonalityError(values, rows, columns, 1.5)).toBeLessThan(2e-6);
      }),
    );
  });

  it('stays orthogonal where a Gaussian matrix is ill-conditioned: large and square', () => {
    expect(orthogonalityError(orthogonal(new Random(3), [200, 200]), 200, 200, 1)).toBeLessThan(2e-6);
  });

  it('has no preferred direction: signs are balanced', () => {
    const positive = Array.from({ length: 400 }, (_, seed) => orthogonal(new Random(seed), [3, 3])[8] > 0);
    // Half of 400 within four standard deviations (10 each).
    expect(Math.abs(positive.filter(Boolean).length - 200)).toBeLessThan(40);
  });

  it('takes axes before the last as rows and refuses vectors', () => {
    expect(orthogonalityError(orthogonal(new Random(1), [2, 3, 4]), 6, 4, 1)).toBeLessThan(1e-6);
    expect(() => orthogonal(new Random(1), [4])).toThrow(/two axes, got \[4\]/);
  });
});

describe('initializers', () => {
  it.each([
    ['glorotUniform', Math.sqrt(2 / (200 + 300))],
    ['glorotNormal', Math.sqrt(2 / (200 + 300))],
    ['heUniform', Math.sqrt(2 / 200)],
    ['heNormal', Math.sqrt(2 / 200)],
    ['lecunUniform', Math.sqrt(1 / 200)],
    ['lecunNormal', Math.sqrt(1 / 200)],
  ] as const)('%s has the deviation of its definition', (name, deviation) => {
    const got = moments(initializers[name](new Random(5), [200, 300]));
    // 60,000 draws: a standard error of 0.3 % of the deviation, so 2 % is far outside.
    expect(got.deviation / deviation).toBeCloseTo(1, 1.7);
    expect(Math.abs(got.mean)).toBeLessThan(0.02 * deviation);
  });

  it('counts a convolution kernel by its receptive field', () => {
    const values = initializers.glorotUniform(new Random(5), [3, 3, 10, 20]);
    const limit = Math.sqrt(6 / (9 * 30));
    expect(Math.max(...values)).toBeLessThan(limit);
    expect(Math.max(...values)).toBeGreaterThan(0.99 * limit);
  });

  it('draws uniform, normal and truncated normal numbers where they are asked for', () => {
    const between = initializers.uniform(new Random(1), [5000], 2, 3);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...between)).toBeLessThanOrEqual(3);
    expect(moments(initializers.normal(new Random(1), [20000], 1, 2)).deviation).toBeCloseTo(2, 1);
    const cut = initializers.truncatedNormal(new Random(1), [20000], 0, 1);
    expect(Math.max(...cut.map(Math.abs))).toBeLessThanOrEqual(2);
  });

  it('fills zeros, ones and the identity', () => {
    expect([...initializers.zeros([2])]).toEqual([0, 0]);
    expect([...initializers.ones([2])]).toEqual([1, 1]);
    expect([...initializers.identity([2, 3], 2)]).toEqual([2, 0, 0, 0, 2, 0]);
    expect(() => initializers.identity([2])).toThrow(/\[rows, columns\], got \[2\]/);
  });

  it.each(initializerNames)('%s is the same for the same seed and is a tensor of the shape', (name) => {
    const [a, b] = [9, 9].map((seed) => initialize(name, [3, 4], new Random(seed)));
    expect(a.shape).toEqual([3, 4]);
    expect([...a.dataSync()]).toEqual([...b.dataSync()]);
    tf.dispose([a, b]);
  });

  it.each(initializerNames)('%s refuses more numbers than a tensor may have', (name) => {
    expect(() => initialize(name, [65536, 65536], new Random(1))).toThrow(
      'Expected the shape of a weight to be of at most 2147483647 numbers, got [65536, 65536]',
    );
  });

  it('names the known ones when it does not know one', () => {
    expect(() => initialize('ortogonal' as 'orthogonal', [2, 2], new Random(1))).toThrow(/orthogonal, got "ortogonal"/);
  });
});

describe('unfilled', () => {
  const total = (): number => {
    const weight = initialize('orthogonal', [3, 5], new Random(1));
    expect(weight.shape).toEqual([3, 5]);
    const sum = tf.sum(tf.abs(weight)).dataSync()[0];
    weight.dispose();
    return sum;
  };

  it('gives zeros to what is made in it, and only there', () => {
    const before = total();
    expect(before).toBeGreaterThan(1);
    expect(unfilled(() => [total(), unfilled(total), total()])).toEqual([0, 0, 0]);
    expect(total()).toBe(before);
    expect(() =>
      unfilled(() => {
        throw new Error('stopped');
      }),
    ).toThrow('stopped');
    expect(total()).toBe(before);
  });
});
