import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { ErrorRate, errorRate, type ErrorRateOptions } from '../../src/evaluation/index.js';
import { DIGITS, errorRatesGolden as golden } from './goldens.js';

const references = golden.pairs.map(([reference]) => reference);
const hypotheses = golden.pairs.map(([, hypothesis]) => hypothesis);

describe('the error rate equals that of jiwer', () => {
  test.each(['word', 'character'] as const)('with its alignments, by %s', (unit) => {
    const { rate, alignments, ...counts } = golden[unit];
    const result = errorRate(references, hypotheses, { unit });
    expect(result.rate).toBeCloseTo(rate, DIGITS);
    expect(result).toMatchObject(counts);
    const letters = result.pairs.map(({ alignment }) => alignment.map(({ operation }) => operation[0]).join(''));
    expect(letters).toEqual(alignments);
  });

  it('where there is no reference word', () => {
    golden.emptyPairs.forEach(([reference, hypothesis], index) => {
      const { alignments, ...counts } = golden.empty[index];
      const result = errorRate([reference], [hypothesis], { unit: 'word' });
      expect(result).toMatchObject(counts);
      expect(result.pairs[0].alignment).toHaveLength(alignments[0].length);
    });
  });
});

describe('the error rate', () => {
  it('says of each pair what stands beside what', () => {
    const { pairs, rate } = errorRate(['turn the light off', 'yes'], ['turn a bright light', 'yes'], { unit: 'word' });
    expect(pairs[0].alignment).toEqual([
      { operation: 'hit', reference: 'turn', hypothesis: 'turn' },
      { operation: 'insertion', hypothesis: 'a' },
      { operation: 'substitution', reference: 'the', hypothesis: 'bright' },
      { operation: 'hit', reference: 'light', hypothesis: 'light' },
      { operation: 'deletion', reference: 'off' },
    ]);
    expect(pairs[0]).toMatchObject({ rate: 0.75, hits: 2, referenceLength: 4, hypothesisLength: 4 });
    expect(pairs[1]).toMatchObject({ rate: 0, hits: 1 });
    expect(rate).toBe(3 / 5);
  });

  it('counts confusions, the most frequent first', () => {
    const said = ['five', 'nine', 'five nine', 'one two'];
    const heard = ['nine', 'five', 'nine nine', 'one'];
    expect(errorRate(said, heard, { unit: 'word' }).confusions).toEqual([
      { reference: 'five', hypothesis: 'nine', count: 2 },
      { reference: 'nine', hypothesis: 'five', count: 1 },
      { reference: 'two', count: 1 },
    ]);
    expect(errorRate(['a'], ['a b b'], { unit: 'word' }).confusions).toEqual([{ hypothesis: 'b', count: 2 }]);
  });

  it('by character counts code points, and the spaces between words', () => {
    const result = errorRate([' 🙂 ab '], ['🙃 ab'], { unit: 'character' });
    expect(result).toMatchObject({ substitutions: 1, hits: 3, referenceLength: 4, rate: 0.25 });
    expect(errorRate(['a b'], ['ab'], { unit: 'character' }).confusions).toEqual([{ reference: ' ', count: 1 }]);
  });

  it('of batches is that of the whole, and a reset forgets', () => {
    const metric = new ErrorRate({ unit: 'word' });
    expect(() => metric.value()).toThrow('Expected at least one pair to measure, got none');
    metric.update({ references: ['x'], hypotheses: ['y'] });
    metric.reset();
    metric.update({ references: references.slice(0, 20), hypotheses: hypotheses.slice(0, 20) });
    metric.update({ references: references.slice(20), hypotheses: hypotheses.slice(20) });
    expect(metric.value()).toEqual(errorRate(references, hypotheses, { unit: 'word' }));
  });

  it('is 0 for the references themselves, and its counts add up', () => {
    const text = fc.array(fc.constantFrom('a', 'bb', 'ä', '🙂', 'b'), { maxLength: 8 }).map((words) => words.join(' '));
    const pairs = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 });
    const unit = fc.constantFrom<ErrorRateOptions['unit']>('word', 'character');
    fc.assert(
      fc.property(pairs, unit, (rows, chosen) => {
        const said = rows.map(([reference]) => reference);
        const heard = rows.map(([, hypothesis]) => hypothesis);
        expect(errorRate(said, said, { unit: chosen })).toMatchObject({
          rate: 0,
          matchErrorRate: 0,
          informationLost: 0,
        });
        const result = errorRate(said, heard, { unit: chosen });
        const length = (texts: string[]): number =>
          texts.reduce((sum, one) => sum + (chosen === 'word' ? one.split(' ').filter(Boolean) : [...one]).length, 0);
        expect(result.referenceLength).toBe(length(said));
        expect(result.hypothesisLength).toBe(length(heard));
        const { substitutions, deletions, insertions } = result;
        const confused = result.confusions.reduce((sum, { count }) => sum + count, 0);
        expect(confused).toBe(substitutions + deletions + insertions);
        expect(result.matchErrorRate).toBeLessThanOrEqual(1);
        expect(result.informationLost).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('refuses what does not go together', () => {
    const word = { unit: 'word' } as const;
    expect(() => errorRate(['a'], [], word)).toThrow('Expected references to be as many as the hypotheses, 0, got 1');
    expect(() => errorRate([], [], word)).toThrow('Expected at least one pair to measure, got none');
    expect(() => errorRate(['a'], [1 as unknown as string], word)).toThrow(
      'Expected hypothesis 0 to be a string, got 1',
    );
    expect(() => errorRate([null as unknown as string], ['a'], word)).toThrow('Expected reference 0 to be a string');
    expect(() => errorRate(['a'], ['a'], { unit: 'words' as 'word' })).toThrow('got "words"; did you mean word?');
    expect(() => errorRate(['a'], ['a'], { unit: 'word', lower: true } as ErrorRateOptions)).toThrow('got lower');
  });
});
