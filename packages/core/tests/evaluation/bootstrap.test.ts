import { describe, expect, it, test } from 'vitest';
import { bleu, bootstrapInterval, pairedBootstrap, type BootstrapOptions } from '../../src/evaluation/index.js';
import { pairedPValue, spread } from '../../src/evaluation/bootstrap.js';
import { DIGITS, golden } from './goldens.js';

const { a, b, references } = golden.sentences;

describe('from given scores of resamples', () => {
  test.each(golden.significance.map((row) => [row.a.length, row] as const))(
    'mean, interval and p-value of %i are those of sacreBLEU',
    (_, row) => {
      const [scoresA, scoresB] = [Float64Array.from(row.a), Float64Array.from(row.b)];
      expect(spread(scoresA).mean).toBeCloseTo(row.mean, DIGITS);
      expect(spread(scoresA).halfWidth).toBeCloseTo(row.halfWidth, DIGITS);
      expect(pairedPValue(scoresA, scoresB, row.difference)).toBeCloseTo(row.pValue, DIGITS);
      expect(pairedPValue(scoresB, scoresA, -row.difference)).toBeCloseTo(row.pValue, DIGITS);
    },
  );
});

describe('paired bootstrap resampling', () => {
  test.each(golden.bootstrap.map((row) => [row.metric, row] as const))(
    'by %s agrees with sacreBLEU, whose resamples are others',
    (metric, wanted) => {
      const result = pairedBootstrap(a, b, references, { metric, samples: 4000, seed: 5 });
      for (const side of ['a', 'b'] as const) {
        expect(result[side].score).toBeCloseTo(wanted[side].score, DIGITS);
        // The mean of 1000 scores with a deviation of halfWidth / 1.96 is known to about 3 % of that; five times it.
        const deviation = wanted[side].halfWidth / 1.96;
        expect(Math.abs(result[side].mean - wanted[side].mean)).toBeLessThan((5 * deviation) / Math.sqrt(1000));
        // The 2.5 % quantiles of 1000 numbers are known to about 8 % of the deviation; four times it.
        expect(Math.abs(result[side].halfWidth - wanted[side].halfWidth)).toBeLessThan(0.32 * deviation);
      }
      // A share of 1000 is known to 0.016 at worst; five times it.
      expect(Math.abs(result.pValue - wanted.pValue)).toBeLessThan(0.08);
      expect(result.difference).toBeCloseTo(wanted.b.score - wanted.a.score, DIGITS);
      expect(result.samples).toBe(4000);
    },
  );

  it('finds no difference between a system and itself, and a clear one to a far better system', () => {
    const options: BootstrapOptions = { metric: 'chrf', samples: 200, metricOptions: { wordOrder: 2 } };
    expect(pairedBootstrap(a, a, references, options)).toMatchObject({ difference: 0, pValue: 1 });
    const worse = a.map((sentence) => sentence.slice(0, sentence.length / 2));
    const result = pairedBootstrap(worse, a, references, options);
    expect(result.difference).toBeGreaterThan(20);
    expect(result.pValue).toBeLessThan(0.05);
    expect(result.a.signature).toContain('nw:2');
  });

  it('gives the same numbers for the same seed and others for another', () => {
    const run = (seed: number) => pairedBootstrap(a, b, references, { metric: 'bleu', samples: 50, seed });
    expect(run(1)).toEqual(run(1));
    expect(run(1).a.mean).not.toBe(run(2).a.mean);
  });
});

describe('the interval of one system', () => {
  it('is that of the paired test, as both see the same resamples', () => {
    const options: BootstrapOptions = { metric: 'bleu', samples: 100, seed: 9, metricOptions: { tokenize: 'intl' } };
    const interval = bootstrapInterval(a, references, options);
    expect(interval).toEqual(pairedBootstrap(a, b, references, options).a);
    expect(interval.score).toBe(bleu(a, references, { tokenize: 'intl' }).score);
    expect(interval.signature).toBe(bleu(a, references, { tokenize: 'intl' }).signature);
    expect(interval.upper - interval.lower).toBeCloseTo(2 * interval.halfWidth, DIGITS);
    expect(interval.lower).toBeLessThan(interval.mean);
    expect(interval.upper).toBeGreaterThan(interval.mean);
  });

  it('has no width where there is one sentence only', () => {
    expect(bootstrapInterval(['a b c d'], ['a b d d'], { metric: 'ter', samples: 10 })).toMatchObject({
      halfWidth: 0,
      lower: 25,
    });
  });
});

describe('the bootstrap refuses', () => {
  test.each<[unknown, string]>([
    [{ metric: 'bleurt' }, 'Expected metric to be one of bleu, chrf, ter, got "bleurt"; did you mean bleu?'],
    [{ metric: 'bleu', samples: 0 }, 'Expected samples to be a positive integer, got 0'],
    [{ metric: 'bleu', sample: 5 }, 'did you mean samples?'],
    [{ metric: 'bleu', seed: -1 }, 'Expected seed to be a non-negative integer, got -1'],
    [{ metric: 'ter', metricOptions: { beta: 2 } }, 'Expected an option that ter knows, got beta'],
  ])('%j', (options, message) => {
    expect(() => pairedBootstrap(['a'], ['a'], ['a'], options as BootstrapOptions)).toThrow(message);
  });

  it('an empty corpus and systems of different lengths', () => {
    expect(() => bootstrapInterval([], [], { metric: 'bleu' })).toThrow('at least one sentence to measure, got none');
    expect(() => pairedBootstrap(['a'], ['a', 'b'], ['a'], { metric: 'bleu' })).toThrow('as many as the hypotheses, 2');
  });
});
