import { readFileSync } from 'node:fs';
import { Random } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BytePairEncoding, SubwordVocabulary, countTokens, sha256 } from '../../src/index.js';
import { anyString } from '../strings.js';

/** What subword-nmt makes of some lines; tools/golden/bpe.py has written it. */
const golden = JSON.parse(readFileSync(new URL('../golden/bpe.json', import.meta.url), 'utf8'));
const lines: string[] = golden.lines;
const everyLine: string[] = [...lines, ...golden.others];

const learned = BytePairEncoding.train(lines, { merges: 10_000 });
const joined = (encoding: BytePairEncoding, texts: string[], vocabulary?: Set<string>): string[] =>
  texts.map((text) => encoding.encode(text, { vocabulary }).join(' '));

/** A line as its words with single spaces between them, which is all that may change. */
const singleSpaced = (line: string): string => line.replace(/[ \r\n]+/g, ' ').replace(/^ | $/g, '');

describe('as subword-nmt does', () => {
  test('the same merges are learned in the same order', () => {
    expect(learned.toCodes()).toBe(golden.codes);
  });

  test('a real text is learned from and encoded alike', () => {
    const text = readFileSync(new URL('../../../../LICENSE', import.meta.url), 'utf8').split('\n');
    const encoding = BytePairEncoding.train(text, { merges: 1000 });
    expect(encoding.toCodes()).toBe(golden.license.codes);
    expect(sha256(joined(encoding, text).join('\n'))).toBe(golden.license.encodedSha256);
  });

  test('lines are encoded alike, those of other words too', () => {
    expect(joined(learned, lines)).toEqual(golden.encoded);
    expect(joined(learned, golden.others)).toEqual(golden.othersEncoded);
  });

  test('fewer merges give the subwords of fewer merges', () => {
    const fewer = BytePairEncoding.train(lines, { merges: 100 });
    expect(fewer.merges).toEqual(learned.merges.slice(0, 100));
    expect(joined(fewer, everyLine)).toEqual(golden.first100Merges);
  });

  test('subwords outside a vocabulary are taken apart again', () => {
    expect(joined(learned, everyLine, new Set(golden.known))).toEqual(golden.knownEncoded);
  });

  test('glossaries stay whole, within words too', () => {
    const encoding = new BytePairEncoding(learned.merges, { glossaries: golden.glossaries });
    expect(joined(encoding, everyLine)).toEqual(golden.glossariesEncoded);
  });
});

describe('learning', () => {
  test('a vocabulary size counts the characters of the text too', () => {
    // Within words: l o w e; at their end: w r t.
    const encoding = BytePairEncoding.train(['low low lower lower lowest'], {
      vocabularySize: 10,
      minimumFrequency: 1,
    });
    expect(encoding.merges).toHaveLength(2);
    expect(BytePairEncoding.train(['low'], { vocabularySize: 1 }).merges).toEqual([]);
  });

  test('counted words teach what their text does', () => {
    const counts = new Map([
      ['low', 5],
      ['lower', 2],
    ]);
    const text = [...counts].map(([word, count]) => `${word} `.repeat(count));
    expect(BytePairEncoding.train(counts, { merges: 9 }).merges).toEqual(
      BytePairEncoding.train(text, { merges: 9 }).merges,
    );
  });

  test('one string, which holds no lines but characters, is refused', () => {
    const text = 'a dog\na dog\n' as unknown as string[];
    expect(() => BytePairEncoding.train(text, { merges: 2 })).toThrow(
      'Expected lines to count the words of, got one string: split it into a list of lines',
    );
    // @ts-expect-error the compiler refuses it too
    expect(() => BytePairEncoding.train('a dog', { merges: 2 })).toThrow('got one string');
  });

  test('no pair rarer than the minimum is merged', () => {
    const text = ['ab ab ab cd cd e'];
    const merges = (minimumFrequency?: number): number =>
      BytePairEncoding.train(text, { merges: 9, minimumFrequency }).merges.length;
    expect([merges(4), merges(3), merges(), merges(1)]).toEqual([0, 1, 2, 2]);
  });

  test('the merges are those of counting every pair anew after each', () => {
    const word = fc
      .array(fc.constantFrom('a', 'b', 'c', '🙂'), { minLength: 1, maxLength: 7 })
      .map((list) => list.join(''));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), (words) => {
        const { merges } = BytePairEncoding.train([words.join(' ')], { merges: 30 });
        expect(merges).toEqual(countEveryPairAnew(words, 30));
      }),
    );
  });
});

/** Algorithm 1 of Sennrich, Haddow and Birch (2016), as slow as it reads. */
function countEveryPairAnew(words: string[], limit: number): string[][] {
  let vocabulary = words.map((word) => {
    const symbols = Array.from(word);
    symbols.push(`${symbols.pop()}</w>`);
    return symbols;
  });
  const merges: string[][] = [];
  while (merges.length < limit) {
    const counts = new Map<string, number>();
    for (const symbols of vocabulary) {
      for (let place = 1; place < symbols.length; place++) {
        const pair = `${symbols[place - 1]} ${symbols[place]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const most = Math.max(0, ...counts.values());
    if (most < 2) break;
    const candidates = [...counts.keys()].filter((pair) => counts.get(pair) === most).map((pair) => pair.split(' '));
    const key = ([first, second]: string[]): number[][] =>
      [first, second].map((s) => Array.from(s, (c) => c.codePointAt(0)!));
    const later = (a: number[], b: number[]): number => {
      const at = a.findIndex((point, index) => point !== b[index]);
      return at < 0 ? a.length - b.length : at >= b.length ? 1 : a[at] - b[at];
    };
    const [best] = candidates.sort((a, b) => later(key(b)[0], key(a)[0]) || later(key(b)[1], key(a)[1]));
    merges.push(best);
    vocabulary = vocabulary.map((symbols) => {
      const merged: string[] = [];
      for (let place = 0; place < symbols.length; place++) {
        const found = symbols[place] === best[0] && symbols[place + 1] === best[1];
        merged.push(found ? best.join('') : symbols[place]);
        if (found) place++;
      }
      return merged;
    });
  }
  return merges;
}

describe('encoding', () => {
  test('decoding gives any string back with single spaces', () => {
    fc.assert(
      fc.property(anyString, fc.nat(), (text, seed) => {
        const line = singleSpaced(text);
        expect(learned.decode(learned.encode(text))).toBe(line);
        const random = new Random(seed);
        expect(learned.decode(learned.encode(text, { dropout: 0.3, random }))).toBe(line);
        expect(learned.decode(learned.encode(text, { vocabulary: new Set(golden.known) }))).toBe(line);
      }),
    );
  });

  test('words of the continuation mark itself come back', () => {
    const text = fc.array(fc.constantFrom('@', ' ', 'a', '</w>'), { maxLength: 9 }).map((list) => list.join(''));
    const encoding = BytePairEncoding.train(['@@ a@@ @@@ @@ a@@ </w>'], { merges: 20, minimumFrequency: 1 });
    fc.assert(
      fc.property(text, (line) => {
        expect(encoding.decode(encoding.encode(line))).toBe(singleSpaced(line));
        expect(learned.decode(learned.encode(line))).toBe(singleSpaced(line));
      }),
    );
    expect(encoding.encode('a@@')).toEqual(['a@@@', '@']);
  });

  test('characters that were never seen are subwords of their own, and unknown only to a vocabulary', () => {
    expect(learned.encode('🙂é')).toEqual(['🙂@@', 'é']);
    const vocabulary = SubwordVocabulary.build(countTokens(lines.map((line) => learned.encode(line))));
    expect(vocabulary.decode(vocabulary.encode(learned.encode('the 🙂 boat')))).toEqual(['the', '<unk>', 'boat']);
  });

  test('a word of 100,000 characters is encoded, and comes back', () => {
    const word = 'unglaublich'.repeat(9091);
    expect(learned.decode(learned.encode(word))).toBe(word);
  });

  test('words that hold the mark of a word’s end keep all their letters when they are taken apart', () => {
    const marked = BytePairEncoding.train(['xa</w>y a</w>z a</w>q', 'a</w> b'], { merges: 30, minimumFrequency: 1 });
    for (const line of ['a', 'xa b', 'a</w> xa</w>y a']) {
      const subwords = marked.encode(line, { vocabulary: new Set() });
      expect(marked.decode(subwords)).toBe(line);
      expect(subwords).not.toContain('');
    }
  });

  test('a subword without the end of its word is the end of a line', () => {
    expect(learned.decode(['a@@', 'b', 'c@@'])).toBe('ab c');
  });
});

describe('dropout', () => {
  const word = 'zeitungen';

  test('none of it is the plain encoding, all of it is characters', () => {
    const random = new Random(1);
    expect(learned.encode(word, { dropout: 0, random })).toEqual(learned.encode(word));
    expect(learned.encode(word, { dropout: 1, random })).toHaveLength(word.length);
  });

  test('the seed decides the subwords, which differ from time to time', () => {
    const draw = (seed: number): string[] => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => learned.encode(word, { dropout: 0.3, random }).join(' '));
    };
    expect(draw(3)).toEqual(draw(3));
    expect(new Set(draw(3)).size).toBeGreaterThan(3);
  });

  test('a pair of two symbols is merged with the probability of not being dropped', () => {
    const encoding = new BytePairEncoding([['a', 'b</w>']]);
    const random = new Random(5);
    const merged = Array.from({ length: 4000 }, () => encoding.encode('ab', { dropout: 0.1, random }).length === 1);
    // 3600 expected, with a standard deviation of 19.
    expect(Math.abs(merged.filter(Boolean).length - 3600)).toBeLessThan(5 * 19);
  });

  test('it needs a generator and a probability', () => {
    expect(() => learned.encode(word, { dropout: 0.1 })).toThrow('Expected a random generator for dropout, got none');
    expect(() => learned.encode(word, { dropout: 1.5 })).toThrow(
      'Expected dropout to be a number from 0 to 1, got 1.5',
    );
  });
});

describe('files', () => {
  test('JSON and codes keep all that decides the subwords', () => {
    const encoding = new BytePairEncoding(learned.merges, { glossaries: ['boot'] });
    const copy = BytePairEncoding.fromJSON(JSON.parse(JSON.stringify(encoding)));
    expect(joined(copy, everyLine)).toEqual(joined(encoding, everyLine));
    expect(copy.fingerprint).toBe(encoding.fingerprint);
    expect(copy.fingerprint).not.toBe(learned.fingerprint);
    expect(BytePairEncoding.fromCodes(learned.toCodes()).fingerprint).toBe(learned.fingerprint);
    expect(BytePairEncoding.fromCodes(golden.codes.replaceAll('\n', '\r\n')).merges).toEqual(learned.merges);
  });

  test('other files are refused with the line', () => {
    expect(() => BytePairEncoding.fromCodes('a b\n', 'codes.txt')).toThrow(
      'Expected codes.txt to begin with "#version: 0.2", got "a b"',
    );
    expect(() => BytePairEncoding.fromCodes('#version: 0.2\na b\nabc\n', 'codes.txt')).toThrow(
      'Expected two symbols in line 3 of codes.txt, got "abc"',
    );
    expect(() => BytePairEncoding.fromJSON({ format: 'other', version: 1 })).toThrow(/got other version 1/);
    expect(() => BytePairEncoding.fromJSON({ format: 'cadenza-bpe', version: 1, merges: ['ab'] })).toThrow(/merge 0/);
    const file = { format: 'cadenza-bpe', version: 1, merges: [] };
    for (const glossaries of ['abc', [1]]) {
      expect(() => BytePairEncoding.fromJSON({ ...file, glossaries })).toThrow(/glossaries .* a list of strings, got/);
    }
  });

  test('options that make no sense are refused', () => {
    expect(() => BytePairEncoding.train(lines, {})).toThrow(/either merges or vocabularySize/);
    expect(() => BytePairEncoding.train(lines, { merges: 1, vocabularySize: 9 })).toThrow(/both or neither/);
    expect(() => BytePairEncoding.train(lines, { merges: -1 })).toThrow(/merges to be a non-negative integer, got -1/);
    expect(() => BytePairEncoding.train(lines, { merges: 1, minimumFrequency: 0 })).toThrow(/minimumFrequency/);
    expect(() => BytePairEncoding.train([' '], { merges: 1 })).toThrow(/Expected words to learn/);
    expect(() => new BytePairEncoding([], { glossaries: ['a b'] })).toThrow(/glossaries to be non-empty and without/);
  });
});
