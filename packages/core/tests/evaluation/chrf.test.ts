import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { chrf, chrfMeasure, sentenceChrf, type ChrfOptions } from '../../src/evaluation/index.js';
import { corpora, permuted, sentence } from './corpora.js';
import { DIGITS, eachSentence, golden, referenceSets } from './goldens.js';

describe('chrF of a corpus equals sacreBLEU', () => {
  test.each(
    golden.chrf.map((row) => [`${row.system}, ${row.references}, ${JSON.stringify(row.options)}`, row] as const),
  )('%s', (_, { system, references, options, score, name, signature }) => {
    const result = chrf(golden.sentences[system], referenceSets[references], options);
    expect(result.score).toBeCloseTo(score, DIGITS);
    expect(result).toMatchObject({ name, signature });
  });
});

describe('chrF', () => {
  it('of a sentence with several references equals sacreBLEU', () => {
    for (const { hypothesis, references, score } of eachSentence(golden.sentenceChrf)) {
      expect(sentenceChrf(hypothesis, references, { wordOrder: 2 }).score, hypothesis).toBeCloseTo(score, DIGITS);
    }
  });

  it('of known numbers is what the formula says', () => {
    // Unigrams of "abc" against "abd": P = R = 2/3; bigrams: 1/2. Both orders' means are 7/12, and so is F.
    expect(chrf(['abc'], ['abd'], { characterOrder: 2 }).score).toBeCloseTo((100 * 7) / 12, DIGITS);
  });

  it('counts white space only where asked to', () => {
    expect(chrf(['ab c'], ['a bc']).score).toBeCloseTo(100, DIGITS);
    expect(chrf(['ab c'], ['a bc'], { whitespace: true }).score).toBeLessThan(60);
  });

  it('takes a character outside the basic plane for one', () => {
    expect(chrf(['🙂'], ['🙃'], { characterOrder: 1 }).score).toBe(0);
    expect(chrfMeasure({ characterOrder: 2 }).statistics('🙂🙂', ['🙂🙂🙂'])).toEqual([2, 3, 2, 1, 2, 1]);
  });

  it('is 100 for the references themselves and 0 for what shares nothing', () => {
    fc.assert(
      fc.property(
        fc.array(
          sentence().filter((text) => text.trim() !== ''),
          { minLength: 1, maxLength: 4 },
        ),
        (texts) => {
          expect(chrf(texts, texts, { wordOrder: 2 }).score).toBeCloseTo(100, DIGITS);
        },
      ),
    );
    expect(chrf(['abc'], ['xyz']).score).toBe(0);
    expect(chrf([''], ['']).score).toBe(0);
  });

  it('lies between 0 and 100 and does not depend on the order of the sentences', () => {
    const options = fc.record({
      wordOrder: fc.integer({ min: 0, max: 2 }),
      beta: fc.constantFrom(0.5, 1, 2, 3),
      epsilonSmoothing: fc.boolean(),
      whitespace: fc.boolean(),
    });
    fc.assert(
      fc.property(corpora(), options, fc.nat(), (corpus, chosen, seed) => {
        const { score } = chrf(corpus.hypotheses, corpus.references, chosen);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100 + 1e-9);
        const other = permuted(corpus, seed);
        expect(chrf(other.hypotheses, other.references, chosen).score).toBeCloseTo(score, DIGITS);
      }),
    );
  });

  test.each<[ChrfOptions, string]>([
    [{ characterOrder: 0 }, 'Expected characterOrder to be a positive integer, got 0'],
    [{ wordOrder: -1 }, 'Expected wordOrder to be an integer of at least 0, got -1'],
    [{ beta: 0 }, 'Expected beta to be a positive number, got 0'],
    [{ charOrder: 6 } as ChrfOptions, 'Expected an option that chrf knows, got charOrder'],
  ])('refuses the options %j', (options, message) => {
    expect(() => chrf(['a'], ['a'], options)).toThrow(message);
  });
});
