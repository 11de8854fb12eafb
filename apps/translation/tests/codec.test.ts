import { Random } from '@cadenza/core';
import { EOS_ID, UNK_ID } from '@cadenza/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentenceCodec } from '../src/codec.js';
import { prepared, smallConfig, tenPairs } from './pairs.js';

const codec = prepared(smallConfig()).codec;

describe('SentenceCodec', () => {
  it('gives every training line back from its ids, the end token last', () => {
    for (const { target } of tenPairs) {
      const { ids, words, wordOf } = codec.encode(target, 'target');
      expect(ids.at(-1)).toBe(EOS_ID);
      expect(wordOf).toHaveLength(ids.length - 1);
      const decoded = codec.decodeIds([...ids.subarray(0, -1)]);
      expect(decoded).toEqual({ words, wordOf });
      expect(codec.line(decoded.words)).toBe(target);
    }
  });

  it('shares one vocabulary between the sides or has one for each', () => {
    expect(codec.source).toBe(codec.target);
    const separate = prepared(smallConfig('text.vocabulary=separate')).codec;
    expect(separate.source).not.toBe(separate.target);
    expect([separate.source.has('ü@@'), separate.target.has('ü@@')]).toEqual([false, true]);
  });

  it('knows what it cannot write as unknown, and replaces it where it is told with what', () => {
    const { ids } = codec.encode('one ☃', 'source');
    expect(ids[ids.length - 2]).toBe(UNK_ID);
    expect(codec.decodeIds([UNK_ID]).words).toEqual(['<unk>']);
    expect(codec.decodeIds([UNK_ID, UNK_ID], (place) => `${place}`).words).toEqual(['0', '1']);
  });

  it('draws other subwords where merges are dropped, the same for the same generator, and all of them known', () => {
    const dropping = prepared(smallConfig('mergeDropout=0.5')).codec;
    const draw = (seed: number): number[] =>
      tenPairs.flatMap(({ target }) => [
        ...dropping.encode(target, 'target', { rate: 0.5, random: new Random(seed) }).ids,
      ]);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toContain(UNK_ID);
  });

  it('cuts words by the language’s rules and joins them again, in true or lower case', () => {
    const pairs = [{ source: 'The cat, and the dog.', target: '„Die Katze“ und der Hund.' }, ...tenPairs];
    const codecOf = (casing: string): SentenceCodec =>
      prepared(smallConfig('tokenization=word', `casing=${casing}`), pairs).codec;
    expect(codecOf('none').words('The cat, and.', 'source')).toEqual(['The', 'cat', ',', 'and', '.']);
    expect(codecOf('lower').words('The cat', 'source')).toEqual(['the', 'cat']);
    const truecased = codecOf('true');
    expect(truecased.words('The cat', 'source')).toEqual(['the', 'cat']);
    expect(truecased.line(['der', 'Hund', '.'])).toBe('Der Hund.');
    expect(truecased.line(truecased.words(pairs[0].target, 'target'))).toBe(pairs[0].target);
  });

  it('is the same after it was written and read', () => {
    const options = ['tokenization=word', 'casing=true', 'text.vocabulary=separate'];
    for (const one of [codec, prepared(smallConfig(...options)).codec]) {
      const again = SentenceCodec.fromJSON(JSON.parse(JSON.stringify(one)));
      expect(again.fingerprint).toBe(one.fingerprint);
      expect(again.encode('three six', 'source')).toEqual(one.encode('three six', 'source'));
    }
    expect(() => SentenceCodec.fromJSON({ format: 'other' })).toThrow(/cadenza-translation-codec version 1, got other/);
  });

  it('encodes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 50 }), (line) => {
        const { ids, words, wordOf } = codec.encode(line, 'source');
        expect(ids).toHaveLength(wordOf.length + 1);
        expect(words.join('')).not.toMatch(/[\s\p{Cc}]/u);
      }),
    );
  });
});
