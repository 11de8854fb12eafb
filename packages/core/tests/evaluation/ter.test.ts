import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { alignTokens, sentenceTer, ter, type TerOptions } from '../../src/evaluation/index.js';
import { translationEdits } from '../../src/evaluation/terShifts.js';
import { terTokens } from '../../src/evaluation/terTokenizer.js';
import { corpora, permuted, sentence } from './corpora.js';
import { DIGITS, eachSentence, golden, referenceSets } from './goldens.js';

describe('TER of a corpus equals sacreBLEU', () => {
  test.each(
    golden.ter.map((row) => [`${row.system}, ${row.references}, ${JSON.stringify(row.options)}`, row] as const),
  )('%s', (_, { system, references, options, score, edits, referenceLength, signature }) => {
    const result = ter(golden.sentences[system], referenceSets[references], options);
    expect(result.score).toBeCloseTo(score, DIGITS);
    expect(result.referenceLength).toBeCloseTo(referenceLength, DIGITS);
    expect(result).toMatchObject({ edits, signature });
  });
});

const words = (text: string): string[] => text.split(' ').filter((word) => word !== '');

describe('the translation edit rate', () => {
  it('of a sentence with several references equals sacreBLEU', () => {
    for (const { hypothesis, references, score } of eachSentence(golden.sentenceTer)) {
      expect(sentenceTer(hypothesis, references).score, hypothesis).toBeCloseTo(score, DIGITS);
    }
  });

  test.each([
    ['a b c d', 'a b c d', 0],
    ['d e a b c', 'a b c d e', 1],
    ['a b x', 'a b c', 1],
    ['', 'a b c', 3],
    ['a b c', '', 3],
    ['', '', 0],
    // Snover et al. 2006, section 3: one shift, two replacements, one insertion.
    [
      'THIS WEEK THE SAUDIS denied information published in the new york times',
      'SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times',
      4,
    ],
  ])('turns %j into %j by %i edits', (hypothesis, reference, edits) => {
    expect(translationEdits(words(hypothesis), words(reference))).toBe(edits);
  });

  it('normalises references twice, as sacreBLEU does', () => {
    const { edits, referenceLength } = ter(["The man's."], ["The man's."], { normalized: true });
    expect({ edits, referenceLength }).toEqual({ edits: 2, referenceLength: 4 });
  });

  it('of empty references is 100, or 0 if nothing was said', () => {
    expect(ter(['a b'], ['']).score).toBe(100);
    expect(ter([''], ['']).score).toBe(0);
  });

  it('never needs more edits than without shifts, nor fewer than the words that must come or go', () => {
    const side = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(side, side, (hypothesis, reference) => {
        const edits = translationEdits(hypothesis, reference);
        const without = alignTokens(reference, hypothesis).filter(({ operation }) => operation !== 'hit').length;
        expect(edits).toBeLessThanOrEqual(without);
        expect(edits).toBeGreaterThanOrEqual(Math.abs(hypothesis.length - reference.length));
        if (without > 0) expect(edits).toBeGreaterThan(0);
      }),
    );
  });

  it('is 0 for the references themselves, never negative, and does not depend on the order of the sentences', () => {
    fc.assert(
      fc.property(corpora(), fc.nat(), sentence(), (corpus, seed, text) => {
        expect(ter([text], [text], { caseSensitive: true }).score).toBe(0);
        const { score } = ter(corpus.hypotheses, corpus.references);
        expect(score).toBeGreaterThanOrEqual(0);
        const other = permuted(corpus, seed);
        expect(ter(other.hypotheses, other.references).score).toBeCloseTo(score, DIGITS);
      }),
    );
  });

  it('finds its way where one word stands beside hundreds, and hundreds beside one', () => {
    const many = Array.from({ length: 300 }, (_, index) => `w${index}`);
    expect(translationEdits(['w150'], many)).toBe(299);
    expect(translationEdits(many, ['w150'])).toBe(299);
  });

  it('takes thousands of words in a second or so', () => {
    const long = Array.from({ length: 4000 }, (_, index) => `w${(index * 7919) % 997}`);
    expect(translationEdits([...long.slice(5), ...long.slice(0, 5)], long)).toBeLessThanOrEqual(10);
  }, 20_000);
});

describe("TER's tokenizer", () => {
  const none = { normalized: false, noPunctuation: false, asianSupport: false, caseSensitive: false };

  test.each<[string, TerOptions, string]>([
    ["Tom's Hat, 3.5-mal!", {}, "tom's hat, 3.5-mal!"],
    ["Tom's Hat, 3.5-mal!", { normalized: true, caseSensitive: true }, "Tom 's Hat , 3.5 - mal !"],
    ['A (b): "c"; d?', { noPunctuation: true }, 'a b c d'],
    ['&quot;漢字、かな&quot;', { normalized: true }, '" 漢字、かな "'],
    ['漢字、かな', { normalized: true, asianSupport: true }, '漢 字 、 かな'],
    ['漢字、かな（x）', { noPunctuation: true, asianSupport: true }, '漢字かなx'],
    [' \u00a0', { normalized: true }, ''],
  ])('%j %j', (text, options, tokens) => {
    expect(terTokens(text, { ...none, ...options }).join(' ')).toBe(tokens);
  });

  it('refuses options without effect and options that it does not know', () => {
    expect(() => ter(['a'], ['a'], { asianSupport: true })).toThrow(
      'Expected asianSupport to be false without normalized or noPunctuation, got true',
    );
    expect(() => ter(['a'], ['a'], { noPunct: true } as TerOptions)).toThrow('did you mean noPunctuation?');
  });
});
