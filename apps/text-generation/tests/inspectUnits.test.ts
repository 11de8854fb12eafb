import { Random } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Feature } from '../src/inspectFeatures.js';
import type { StateTrace } from '../src/inspectTrace.js';
import { areaUnderCurve, correlations, rankUnits } from '../src/inspectUnits.js';

test('a unit that is a multiple of the feature correlates by 1, its opposite by -1, a constant by 0', async () => {
  const y = Float32Array.of(1, 2, 4, 8);
  const states = new Float32Array(12);
  y.forEach((value, row) => states.set([3 * value + 1, -value, 5], row * 3));
  const found = await correlations(states, 3, y);
  expect(found[0]).toBeCloseTo(1, 6);
  expect(found[1]).toBeCloseTo(-1, 6);
  expect(found[2]).toBe(0);
});

test('correlations of many units take turns between a few rows, and are those of each unit alone', async () => {
  const random = new Random(5);
  const [rows, size] = [600, 1000];
  const states = Float32Array.from({ length: rows * size }, () => random.normal());
  const y = Float32Array.from({ length: rows }, () => random.normal());
  let pauses = 0;
  const all = await correlations(states, size, y, () => Promise.resolve(void pauses++));
  expect(pauses).toBeGreaterThanOrEqual(8);
  for (const unit of [0, 571, 999]) {
    const alone = Float32Array.from({ length: rows }, (_, row) => states[row * size + unit]);
    expect(all[unit]).toBe((await correlations(alone, 1, y))[0]);
  }
});

test('the area under the curve is how often a place with the feature is above one without', () => {
  const points = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2, maxLength: 30 });
  fc.assert(
    fc.property(points, (list) => {
      const [positive, negative] = [true, false].map((kind) =>
        list.filter((one) => one[1] === kind).map((one) => one[0]),
      );
      fc.pre(positive.length > 0 && negative.length > 0);
      let wins = 0;
      for (const a of positive) for (const b of negative) wins += a > b ? 1 : a === b ? 0.5 : 0;
      const values = Float32Array.from(list, (one) => one[0]);
      const labels = Float32Array.from(list, (one) => Number(one[1]));
      expect(areaUnderCurve(values, labels)).toBeCloseTo(wins / (positive.length * negative.length), 10);
    }),
  );
});

/** Two layers of random units over 1,000 tokens, among which `plant` puts some that mean something. */
function randomTrace(plant: (layer: number, unit: number, position: number) => number | null): StateTrace {
  const random = new Random(3);
  const layers = [20, 30].map((size, layer) => {
    const values = Float32Array.from({ length: 1000 * size }, (_, index) => {
      const noise = random.normal();
      return plant(layer, index % size, Math.floor(index / size)) ?? noise;
    });
    return { size, values };
  });
  return { layers, positions: Int32Array.from({ length: 1000 }, (_, position) => position) };
}

const every = (period: number): Float32Array =>
  Float32Array.from({ length: 1000 }, (_, position) => Number(position % period < 3));
const feature = (name: string, values: Float32Array, kind: Feature['kind'] = 'binary'): Feature => ({
  name,
  kind,
  values,
});

test('a planted unit is found, with its sign, and noise is not reported', async () => {
  const quotes = every(10);
  const trace = randomTrace((layer, unit, position) => (layer === 1 && unit === 7 ? -2 * quotes[position] : null));
  const units = await rankUnits(trace, [feature('quotes', quotes), feature('other', every(7))]);
  expect(units).toHaveLength(1);
  expect(units[0]).toMatchObject({ feature: 'quotes', layer: 1, unit: 7, auc: 1 });
  expect(units[0].correlation).toBeCloseTo(-1, 6);
});

test('a unit that follows the feature only where it was searched for is not believed', async () => {
  const quotes = every(10);
  const trace = randomTrace((layer, unit, position) =>
    layer === 0 && unit === 4 && position < 600 ? quotes[position] : null,
  );
  expect(await rankUnits(trace, [feature('quotes', quotes)])).toEqual([]);
});

test('a feature too rare to judge is left out, and a number has no AUC', async () => {
  const rare = Float32Array.from({ length: 1000 }, (_, position) => Number(position % 200 === 0));
  const ramp = Float32Array.from({ length: 1000 }, (_, position) => position % 40);
  const trace = randomTrace((layer, unit, position) =>
    layer === 0 && unit === 0 ? rare[position] : unit === 1 ? ramp[position] : null,
  );
  const units = await rankUnits(trace, [feature('rare', rare), feature('ramp', ramp, 'number')]);
  expect(units.map(({ feature: name, unit, auc }) => [name, unit, auc])).toEqual([
    ['ramp', 1, null],
    ['ramp', 1, null],
  ]);
});
