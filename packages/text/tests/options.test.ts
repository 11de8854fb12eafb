import { ConfigError, Random } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import {
  BucketBatches,
  bucketBatches,
  BytePairEncoding,
  CharacterTokenizer,
  cleanPairs,
  evaluationWindows,
  LanguageTokenizer,
  NgramModel,
  normalizeText,
  readCorpus,
  readParallelCorpus,
  splitSentences,
  splitText,
  splitTokens,
  SubwordVocabulary,
  TokenStreams,
  Vocabulary,
  WordTokenizer,
} from '../src/index.js';

const ids = Int32Array.from({ length: 40 }, (_, id) => id);
const lengths = [{ source: 2, target: 3 }];
const codes = BytePairEncoding.train(['low low'], { merges: 1 });
const subwords = SubwordVocabulary.build(new Map([['low', 2]]));

describe('An option that nobody knows is refused, with the nearest that is known, by', () => {
  it.each<[string, string, string, (options: never) => unknown]>([
    ['normalizeText', 'lowercase', 'lowerCase', (options) => normalizeText('A', options)],
    ['splitTokens', 'tests', 'test', (options) => splitTokens(ids, options)],
    ['splitText', 'validate', 'validation', (options) => splitText('a text', options)],
    ['evaluationWindows', 'windowLengths', 'windowLength', (options) => evaluationWindows(ids, options).next()],
    ['TokenStreams', 'row', 'rows', (options) => new TokenStreams(ids, options)],
    ['BucketBatches', 'pool', 'poolSize', (options) => new BucketBatches(lengths, options)],
    ['bucketBatches', 'maxTokens', 'maximumTokens', (options) => bucketBatches(lengths, options, new Random(1))],
    ['bucketBatches', 'seed', 'poolSize', (options) => bucketBatches(lengths, options, new Random(1))],
    ['Vocabulary', 'maxSize', 'maximumSize', (options) => Vocabulary.build(['a'], options)],
    ['CharacterTokenizer', 'units', 'unit', (options) => CharacterTokenizer.build('a', options)],
    ['WordTokenizer', 'normalize', 'normalization', (options) => WordTokenizer.build('a', options)],
    ['its encode', 'unknowns', 'unknown', (options) => CharacterTokenizer.build('a').encode('a', options)],
    [
      'its characterCounts',
      'unkown',
      'unknown',
      (options) => CharacterTokenizer.build('a').characterCounts('a', options),
    ],
    ['SubwordVocabulary', 'maximalSize', 'maximumSize', (options) => SubwordVocabulary.build(new Map(), options)],
    ['its encode', 'eof', 'eos', (options) => subwords.encode(['low'], options)],
    ['LanguageTokenizer', 'case', 'casing', (options) => new LanguageTokenizer('en', options)],
    ['its train', 'case', 'casing', (options) => LanguageTokenizer.train('en', [], options)],
    ['splitSentences', 'lineBreak', 'lineBreaks', (options) => splitSentences('A.', 'en', options)],
    ['BytePairEncoding', 'glossary', 'glossaries', (options) => new BytePairEncoding([], options)],
    ['its train', 'merge', 'merges', (options) => BytePairEncoding.train(['a'], options)],
    ['its encode', 'drop', 'dropout', (options) => codes.encode('low', options)],
    ['NgramModel.train', 'orders', 'order', (options) => NgramModel.train([['a']], options)],
    ['cleanPairs', 'duplicate', 'duplicates', (options) => cleanPairs([], options)],
  ])('%s: %s', (_, name, nearest, call) => {
    const work = (): unknown => call({ [name]: 1 } as never);
    expect(work).toThrow(ConfigError);
    expect(work).toThrow(new RegExp(`knows, got ${name}; did you mean ${nearest}\\?`));
  });

  it('readCorpus', async () => {
    await expect(readCorpus('nowhere', { seperator: 'none' } as never)).rejects.toThrow(/did you mean separator\?/);
  });

  it('readParallelCorpus', async () => {
    const read = (from: object): Promise<unknown> => readParallelCorpus(from as never);
    await expect(read({ path: 'a.tsv', column: {} })).rejects.toThrow(/knows, got column; did you mean columns\?/);
    await expect(read({ source: 'a', target: 'b', format: 'tsv' })).rejects.toThrow(/knows, got format/);
    const columns = { source: 1, target: 2, id: 3 };
    await expect(read({ path: 'a.tsv', format: 'tsv', columns })).rejects.toThrow(/columns knows, got id/);
    const languages = { source: 'en', target: 'de', from: 'en' };
    await expect(read({ path: 'a.tmx', format: 'tmx', languages })).rejects.toThrow(/languages knows, got from/);
  });

  it('none that is absent, for which the default stands', () => {
    const text = Array.from({ length: 20_010 }, (_, word) => `w${word}`).join(' ');
    expect(WordTokenizer.build(text, { maximumSize: undefined }).vocabulary.size).toBe(20_000);
  });

  it('not tokenizers, of what their vocabularies are told', () => {
    const { vocabulary } = CharacterTokenizer.build('aab', { unit: 'grapheme', minimumFrequency: 2 });
    expect(vocabulary.tokens).toEqual(['<unk>', 'a']);
    expect(WordTokenizer.build('a b b', { maximumSize: 2, normalization: { form: 'NFC' } }).vocabulary.size).toBe(2);
  });
});
