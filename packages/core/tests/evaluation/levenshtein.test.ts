import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignTokens } from '../../src/evaluation/index.js';

const sequence = (): fc.Arbitrary<string[]> => fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 10 });

const distance = (from: readonly string[], to: readonly string[]): number =>
  alignTokens(from, to).filter(({ operation }) => operation !== 'hit').length;

/** The definition, without a table. */
function reference(from: readonly string[], to: readonly string[]): number {
  if (from.length === 0 || to.length === 0) return from.length + to.length;
  const [restFrom, restTo] = [from.slice(1), to.slice(1)];
  if (from[0] === to[0]) return reference(restFrom, restTo);
  return 1 + Math.min(reference(restFrom, to), reference(from, restTo), reference(restFrom, restTo));
}

describe('an alignment', () => {
  it('has as many errors as the definition says', () => {
    const short = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });
    fc.assert(
      fc.property(short, short, (from, to) => {
        expect(distance(from, to)).toBe(reference(from, to));
      }),
    );
  });

  it('measures a distance: symmetric, zero for equals only, and no way round is shorter', () => {
    fc.assert(
      fc.property(sequence(), sequence(), sequence(), (a, b, c) => {
        expect(distance(a, b)).toBe(distance(b, a));
        expect(distance(a, b) === 0).toBe(a.join() === b.join());
        expect(distance(a, c)).toBeLessThanOrEqual(distance(a, b) + distance(b, c));
      }),
    );
  });

  it('reads as the reference on one side and the hypothesis on the other', () => {
    fc.assert(
      fc.property(sequence(), sequence(), (from, to) => {
        const steps = alignTokens(from, to);
        expect(steps.flatMap((step) => step.reference ?? [])).toEqual(from);
        expect(steps.flatMap((step) => step.hypothesis ?? [])).toEqual(to);
        for (const { operation, reference: wanted, hypothesis } of steps) {
          if (operation === 'hit') expect(hypothesis).toBe(wanted);
          if (operation === 'substitution') expect(hypothesis).not.toBe(wanted);
        }
      }),
    );
  });

  it('is the same whether its table is kept or computed block by block', () => {
    const long = fc.array(fc.constantFrom('a', 'b'), { maxLength: 40 });
    fc.assert(
      fc.property(long, long, (from, to) => {
        expect(alignTokens(from, to, 1)).toEqual(alignTokens(from, to));
      }),
    );
  });
});
