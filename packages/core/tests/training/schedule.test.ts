import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSchedule, type ScheduleOptions } from '../../src/index.js';

interface Golden {
  schedules: { options: object; rates: number[] }[];
  losses: number[];
  plateaus: { options: object; rates: number[] }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/optimizers.json', import.meta.url), 'utf8'));
const make = (options: object) => createSchedule({ learningRate: 0.5, ...options } as ScheduleOptions);

describe('schedules', () => {
  for (const { options, rates } of golden.schedules) {
    it(`${JSON.stringify(options)} matches PyTorch`, () => {
      const schedule = make(options);
      // PyTorch multiplies step by step, so its float64 rounding adds up.
      rates.forEach((rate, step) => expect(schedule.rate(step)).toBeCloseTo(rate, 12));
    });
  }

  for (const { options, rates } of golden.plateaus) {
    it(`plateau ${JSON.stringify(options)} matches PyTorch, through a saved state too`, () => {
      let schedule = make({ name: 'plateau', ...options });
      golden.losses.forEach((loss, index) => {
        schedule.observe(loss);
        expect(schedule.rate(index)).toBeCloseTo(rates[index], 12);
        const state = JSON.parse(JSON.stringify(schedule.state()));
        schedule = make({ name: 'plateau', ...options });
        schedule.restore(state);
      });
    });
  }

  it('follow their closed formulas', () => {
    expect(make({ name: 'constant' }).rate(1000)).toBe(0.5);
    expect(make({ name: 'step', every: 10, factor: 0.1 }).rate(25)).toBeCloseTo(0.005, 15);
    expect(make({ name: 'exponential', every: 10, factor: 0.5 }).rate(15)).toBeCloseTo(0.5 * 0.5 ** 1.5, 15);
    const cosine = make({ name: 'cosine', steps: 100, finalFraction: 0.1 });
    expect(cosine.rate(0)).toBe(0.5);
    expect(cosine.rate(50)).toBeCloseTo(0.275, 15);
    expect(cosine.rate(100)).toBeCloseTo(0.05, 15);
    expect(cosine.rate(5000)).toBeCloseTo(0.05, 15);
  });

  it('warm up in a straight line that meets the curve', () => {
    const schedule = make({ name: 'constant', warmupSteps: 4 });
    const rates = [0, 1, 2, 3, 4, 5].map((step) => schedule.rate(step));
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.5].forEach((rate, step) => expect(rates[step]).toBeCloseTo(rate, 15));
    const plateau = make({ name: 'plateau', patience: 0, factor: 0.5, warmupSteps: 1 });
    [1, 1].forEach((value) => plateau.observe(value));
    expect([plateau.rate(0), plateau.rate(1)]).toEqual([0.125, 0.25]);
  });

  it.each([NaN, Infinity, -Infinity])('take a validation of %s for no improvement', (value) => {
    const schedule = make({ name: 'plateau', patience: 0, factor: 0.5 });
    schedule.observe(value);
    expect(schedule.rate(0)).toBe(0.25);
  });

  it('expect a fall of negative values, such as a negated accuracy, to count as improvement', () => {
    const schedule = make({ name: 'plateau', patience: 0, factor: 0.5 });
    [-0.5, -0.6, -0.7].forEach((value) => schedule.observe(value));
    expect(schedule.rate(0)).toBe(0.5);
    schedule.observe(-0.7);
    expect(schedule.rate(0)).toBe(0.25);
  });

  it('refuse options that are wrong or unknown', () => {
    expect(() => make({ name: 'cosin', steps: 5 })).toThrow('did you mean cosine?');
    expect(() => make({ name: 'cosine' })).toThrow('Expected schedule.steps to be a positive integer, got undefined');
    expect(() => make({ name: 'cosine', steps: 5, warmupSteps: 5 })).toThrow('an integer of at least 6, got 5');
    expect(() => make({ name: 'step', every: 3 })).toThrow(
      'Expected schedule.factor to be a number of (0, 1], got undefined',
    );
    expect(() => make({ name: 'constant', factor: 1 })).toThrow(
      'Expected an option that the constant schedule knows, got factor',
    );
    expect(() => make({ name: 'constant', learningRate: 0 })).toThrow(
      'Expected schedule.learningRate to be a positive number',
    );
  });
});
