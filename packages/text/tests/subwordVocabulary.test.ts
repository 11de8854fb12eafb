import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BOS_ID, countTokens, EOS_ID, PAD_ID, SubwordVocabulary, UNK_ID } from '../src/index.js';

const sentences = [
  ['the', 'bo@@', 'at'],
  ['the', 'sea'],
  ['the', 'sea', '<eos>'],
];
const vocabulary = SubwordVocabulary.build(countTokens(sentences));

test('the special tokens come first, then the most frequent', () => {
  expect(vocabulary.tokens).toEqual(['<pad>', '<bos>', '<eos>', '<unk>', 'the', 'sea', '<eos>', 'at', 'bo@@']);
  expect(vocabulary.counts).toEqual([0, 0, 0, 0, 3, 2, 1, 1, 1]);
  expect([PAD_ID, BOS_ID, EOS_ID, UNK_ID].map((id) => vocabulary.token(id))).toEqual(vocabulary.tokens.slice(0, 4));
});

test('a sentence becomes ids between its marks, and comes back', () => {
  const ids = vocabulary.encode(['the', 'ship'], { bos: true, eos: true });
  expect(Array.from(ids)).toEqual([BOS_ID, 4, UNK_ID, EOS_ID]);
  expect(vocabulary.decode([...ids, 5, PAD_ID])).toEqual(['the', '<unk>']);
  expect(Array.from(vocabulary.encode(['sea']))).toEqual([5]);
});

test('a text that holds the name of a special token does not reach it', () => {
  expect(vocabulary.id('<eos>')).toBe(6);
  expect(vocabulary.id('<pad>')).toBe(UNK_ID);
  expect(vocabulary.decode(vocabulary.encode(['<eos>', 'sea']))).toEqual(['<eos>', 'sea']);
});

test('encoding then decoding gives known tokens back', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...vocabulary.tokens.slice(4))), (tokens) => {
      expect(vocabulary.decode(vocabulary.encode(tokens, { bos: true, eos: true }))).toEqual(tokens);
    }),
  );
});

test('rare tokens can be left out, and the size limited', () => {
  const counts = countTokens(sentences);
  expect(SubwordVocabulary.build(counts, { minimumFrequency: 2 }).tokens.slice(4)).toEqual(['the', 'sea']);
  expect(SubwordVocabulary.build(counts, { maximumSize: 5 }).tokens.slice(4)).toEqual(['the']);
  expect(vocabulary.frequent(2)).toEqual(new Set(['the', 'sea']));
  expect([vocabulary.has('at'), vocabulary.has('<pad>')]).toEqual([true, false]);
});

test('JSON keeps tokens, ids and counts', () => {
  const copy = SubwordVocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
  expect(copy.tokens).toEqual(vocabulary.tokens);
  expect(copy.counts).toEqual(vocabulary.counts);
  expect(copy.fingerprint).toBe(vocabulary.fingerprint);
  expect(new SubwordVocabulary([['sea', 1]]).fingerprint).not.toBe(vocabulary.fingerprint);
});

test('what is no vocabulary is refused', () => {
  const file = vocabulary.toJSON();
  expect(() => SubwordVocabulary.fromJSON({ ...file, version: 2 })).toThrow(/got cadenza-subwords version 2/);
  expect(() => SubwordVocabulary.fromJSON({ ...file, tokens: [1] })).toThrow(/tokens of the vocabulary/);
  expect(() => SubwordVocabulary.fromJSON({ ...file, counts: [1] })).toThrow(/to be 5 integers/);
  expect(() => SubwordVocabulary.fromJSON({ ...file, tokens: Array(5).fill('a') })).toThrow(/distinct, got "a"/);
  expect(() => vocabulary.token(9)).toThrow('Expected token id to be an integer from 0 to 8, got 9');
  expect(() => SubwordVocabulary.build(new Map())).toThrow(/at least one subword/);
  expect(() => SubwordVocabulary.build(new Map(), { maximumSize: 4 })).toThrow(/an integer above 4/);
  expect(() => SubwordVocabulary.build(new Map(), { minimumFrequency: 0 })).toThrow(/positive integer/);
});
