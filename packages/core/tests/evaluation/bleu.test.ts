import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { bleu, bleuMeasure, CorpusMetric, sentenceBleu, type BleuOptions } from '../../src/evaluation/index.js';
import { DIGITS, eachSentence, golden, referenceSets } from './goldens.js';
import { corpora, permuted } from './corpora.js';

describe('BLEU of a corpus equals sacreBLEU', () => {
  test.each(
    golden.bleu.map((row) => [`${row.system}, ${row.references}, ${JSON.stringify(row.options)}`, row] as const),
  )('%s', (_, { system, references, options, ...wanted }) => {
    const result = bleu(golden.sentences[system], referenceSets[references], options);
    expect(result.score).toBeCloseTo(wanted.score, DIGITS);
    expect(result.brevityPenalty).toBeCloseTo(wanted.brevityPenalty, DIGITS);
    result.precisions.forEach((precision, n) => expect(precision).toBeCloseTo(wanted.precisions[n], DIGITS));
    expect(result.precisions).toHaveLength(wanted.precisions.length);
    const { hypothesisLength, referenceLength, counts, totals, signature } = result;
    expect({ counts, totals, ...wanted }).toMatchObject({
      hypothesisLength,
      referenceLength,
      counts,
      totals,
      signature,
    });
  });
});

describe('BLEU of a sentence equals sacreBLEU', () => {
  it('with the default tokenizer and several references', () => {
    for (const { hypothesis, references, score } of eachSentence(golden.sentenceBleu)) {
      expect(sentenceBleu(hypothesis, references).score, hypothesis).toBeCloseTo(score, DIGITS);
    }
  });

  it('with the international tokenizer, in lower case', () => {
    for (const { hypothesis, references, score } of eachSentence(golden.sentenceBleuIntl)) {
      const result = sentenceBleu(hypothesis, references, { tokenize: 'intl', lowercase: true });
      expect(result.score, hypothesis).toBeCloseTo(score, DIGITS);
    }
  });

  it('counts only the orders that fit into it, unless told otherwise', () => {
    expect(sentenceBleu('two words', 'two words').score).toBeCloseTo(100, DIGITS);
    expect(sentenceBleu('two words', 'two words', { effectiveOrder: false }).score).toBe(0);
    expect(sentenceBleu('two words', ['other', 'two words']).signature).toContain('nrefs:2|case:mixed|eff:yes|tok:13a');
  });
});

describe('BLEU', () => {
  it('of known numbers is what the formula says', () => {
    // Of 5 words 4 match, of 4 bigrams 2, and 5 words against 6: sqrt(4/5 2/4) exp(1 - 6/5).
    const result = bleu(['the cat sat a mat'], ['the cat sat on a rug'], { tokenize: 'none', maxOrder: 2 });
    expect(result.counts).toEqual([4, 2]);
    expect(result.score).toBeCloseTo(100 * Math.sqrt((4 / 5) * (2 / 4)) * Math.exp(1 - 6 / 5), DIGITS);
  });

  it('takes the reference nearest in length, the shorter of two as near', () => {
    const { referenceLength } = bleu(['a b c d'], [['a b c d e f', 'a b c', 'a b c d e']]);
    expect(referenceLength).toBe(3);
  });

  it('is 100 for the references themselves, whatever the tokenizer', () => {
    const long = fc.array(fc.stringMatching(/^[a-zäß.,€]{1,6}$/), { minLength: 4, maxLength: 9 });
    const sentences = fc.array(
      long.map((words) => words.join(' ')),
      { minLength: 1, maxLength: 5 },
    );
    const tokenize = fc.constantFrom('13a' as const, 'intl' as const, 'none' as const);
    fc.assert(
      fc.property(sentences, tokenize, (texts, name) => {
        expect(bleu(texts, texts, { tokenize: name }).score).toBeCloseTo(100, DIGITS);
      }),
    );
  });

  it('lies between 0 and 100 and does not depend on the order of the sentences', () => {
    const options = fc.record<BleuOptions>(
      {
        smoothing: fc.constantFrom('exp', 'floor', 'add-k', 'none'),
        tokenize: fc.constantFrom('13a', 'intl', 'none'),
        effectiveOrder: fc.boolean(),
        maxOrder: fc.integer({ min: 1, max: 5 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(corpora(), options, fc.nat(), (corpus, chosen, seed) => {
        const { score } = bleu(corpus.hypotheses, corpus.references, chosen);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100 + 1e-9);
        const other = permuted(corpus, seed);
        expect(bleu(other.hypotheses, other.references, chosen).score).toBeCloseTo(score, DIGITS);
      }),
    );
  });

  it('of batches is BLEU of the whole', () => {
    const { a, references } = golden.sentences;
    const metric = new CorpusMetric(bleuMeasure());
    metric.update({ hypotheses: ['forgotten'], references: [['x', 'y']] });
    metric.reset();
    metric.update({ hypotheses: a.slice(0, 7), references: references.slice(0, 7) });
    metric.update({ hypotheses: a.slice(7), references: references.slice(7) });
    expect(metric.value()).toEqual(bleu(a, references));
  });
});

describe('BLEU refuses', () => {
  test.each<[BleuOptions, string]>([
    [{ tokenize: 'zh' as '13a' }, 'Expected tokenize to be one of 13a, intl, none, got "zh"'],
    [{ smoothing: 'add-n' as 'exp' }, 'got "add-n"; did you mean add-k?'],
    [{ smoothingValue: 1 }, 'Expected smoothingValue to be absent for the smoothing exp, got 1'],
    [{ smoothing: 'floor', smoothingValue: -1 }, 'Expected smoothingValue to be a number of at least 0, got -1'],
    [{ maxOrder: 0 }, 'Expected maxOrder to be a positive integer, got 0'],
    [{ lowerCase: true } as BleuOptions, 'did you mean lowercase?'],
  ])('the options %j', (options, message) => {
    expect(() => bleu(['a'], ['a'], options)).toThrow(message);
  });

  it('sides that do not go together', () => {
    expect(() => bleu(['a', 'b'], ['a'])).toThrow('Expected references to be as many as the hypotheses, 2, got 1');
    expect(() => bleu([], [])).toThrow('Expected at least one sentence to measure, got none');
    expect(() => bleu(['a'], [[]])).toThrow('Expected sentence 0 to have a reference, got none');
    expect(() => bleu('a' as unknown as string[], ['a'])).toThrow(
      'Expected hypotheses to be an array of strings, got "a"',
    );
    expect(() => bleu(['a'], 'a' as unknown as string[])).toThrow('Expected references to be an array, got "a"');
    expect(() => bleu(['a', 3 as unknown as string], ['a', 'b'])).toThrow(
      'Expected hypothesis 1 to be a string, got 3',
    );
    expect(() => bleu(['a'], [undefined as unknown as string])).toThrow('Expected reference 0 to be a string');
    expect(() => bleu(['a'], [['b', null as unknown as string]])).toThrow(
      'each reference of sentence 0 to be a string',
    );
  });
});
