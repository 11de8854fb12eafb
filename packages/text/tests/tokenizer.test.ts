import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { InputError } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  CharacterTokenizer,
  compareCodePoints,
  splitGraphemes,
  splitWords,
  tokenizerFromJSON,
  Vocabulary,
  WordTokenizer,
} from '../src/index.js';
import { anyString, unicodeText } from './strings.js';

test.each([
  ['characters', (text: string) => CharacterTokenizer.build(text)],
  ['graphemes', (text: string) => CharacterTokenizer.build(text, { unit: 'grapheme' })],
  ['words', (text: string) => WordTokenizer.build(text, { maximumSize: undefined })],
])('decoding what was encoded into %s gives any text back', (_, build) => {
  fc.assert(
    fc.property(anyString, (text) => {
      fc.pre(text !== '');
      const tokenizer = build(text);
      expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
      expect(again.encode(text)).toEqual(tokenizer.encode(text));
      expect(again.fingerprint).toBe(tokenizer.fingerprint);
    }),
    { numRuns: 500 },
  );
});

test('characters are code points, in the order of their code points', () => {
  const tokenizer = CharacterTokenizer.build('ba🙂~Ab\n');
  expect(tokenizer.vocabulary.tokens).toEqual(['\n', 'A', 'a', 'b', '~', '🙂']);
  expect(Array.from(tokenizer.encode('🙂ab'))).toEqual([5, 2, 3]);
});

test('graphemes keep a flag and a joined accent in one token', () => {
  expect(splitGraphemes('e\u0301🇩🇪!')).toEqual(['e\u0301', '🇩🇪', '!']);
});

test('graphemes of a long text are those that it has as a whole', () => {
  const parts = [
    'a',
    'e\u0301',
    '한',
    'ᄒ',
    'ᅡ',
    '\ud83d',
    '\ude00',
    '🇩',
    '🇪',
    '👩',
    '\u200d',
    '🏽',
    '\r',
    '\n',
    'कि',
    ' ',
  ];
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 800, maxLength: 2000, size: 'max' }), (list) => {
      const text = list.join('');
      expect(splitGraphemes(text)).toEqual(Array.from(segmenter.segment(text), ({ segment }) => segment));
    }),
    { numRuns: 30 },
  );
  const long = `a${'\u0301'.repeat(3000)}`; // more than is looked at together
  expect(splitGraphemes(`x${long}y`)).toEqual(['x', long, 'y']);
});

test('graphemes of twice the text take about twice the time', () => {
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(2000);
  const seconds = (part: string): number => {
    const before = process.cpuUsage();
    splitGraphemes(part);
    const { user } = process.cpuUsage(before);
    return user / 1e6;
  };
  seconds(text.slice(0, 10_000));
  expect(seconds(text)).toBeLessThan(8 * Math.max(0.05, seconds(text.slice(0, text.length / 4)))); // 16 if quadratic
});

test('words take the space before them along, and marks and line ends stand alone', () => {
  expect(splitWords('Don’t stop, "Åsa"... \n  go\t2024')).toEqual([
    ...['Don’t', ' stop', ',', ' "', 'Åsa', '"', '...', ' ', '\n', ' ', ' go', '\t', '2024'],
  ]);
  expect(splitWords('')).toEqual([]);
});

test('words are ordered by their frequency, and rare ones become <unk>', () => {
  const tokenizer = WordTokenizer.build('a cat a dog a cat', { maximumSize: 4 });
  expect(tokenizer.vocabulary.tokens).toEqual(['<unk>', ' a', ' cat', ' dog']);
  expect(tokenizer.decode(tokenizer.encode(' a bird', { unknown: 'unk' }))).toBe(' a <unk>');
  expect(tokenizer.decode(tokenizer.encode(' a bird', { unknown: 'skip' }))).toBe(' a');
});

test('each token counts the characters of the text that it stands for, unknown ones their own', () => {
  const tokenizer = WordTokenizer.build('one 🙂 three');
  const text = 'three 🙂 fourteen one';
  expect(Array.from(tokenizer.characterCounts(text, { unknown: 'unk' }))).toEqual([5, 2, 9, 4]);
  expect(tokenizer.encode(text, { unknown: 'skip' })).toHaveLength(1);
  expect(Array.from(tokenizer.characterCounts(text, { unknown: 'skip' }))).toEqual([2]);
  expect(Array.from(CharacterTokenizer.build('é').characterCounts('e\u0301🙂'))).toEqual([1, 1, 1]);
});

test('the vocabulary does not depend on the order of the text', () => {
  fc.assert(
    fc.property(fc.array(unicodeText({ minLength: 1, maxLength: 3 }), { minLength: 3 }), (tokens) => {
      const options = { maximumSize: 5, order: 'frequency' } as const;
      const one = Vocabulary.build(tokens, options);
      const other = Vocabulary.build([...tokens].reverse(), options);
      expect(other.tokens).toEqual(one.tokens);
      expect(one.size).toBeLessThanOrEqual(5);
    }),
  );
});

test('a minimum frequency leaves out what is rarer', () => {
  expect(Vocabulary.build('aabbbc', { minimumFrequency: 2 }).tokens).toEqual(['<unk>', 'a', 'b']);
  expect(Vocabulary.build('aabbbc', { minimumFrequency: 2, unknownToken: false }).tokens).toEqual(['a', 'b']);
});

test('code points are compared as numbers, surrogates with and without a partner included', () => {
  const units = fc.array(fc.constantFrom('\uD83D', '\uDE00', '\uD83E', '\uDE42', 'a', 'b', '\uFF5E'), { maxLength: 4 });
  const text = fc.oneof(
    unicodeText({ maxLength: 4 }),
    units.map((list) => list.join('')),
  );
  fc.assert(
    fc.property(text, text, (a, b) => {
      const points = (text: string): number[] => Array.from(text, (point) => point.codePointAt(0)!);
      const [left, right] = [points(a), points(b)];
      const index = left.findIndex((point, place) => point !== right[place]);
      const wanted = index === -1 ? left.length - right.length : left[index] - (right[index] ?? -1);
      expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(wanted));
    }),
    { numRuns: 1000 },
  );
  expect(compareCodePoints('\uD83Da', '\uD83Db')).toBeLessThan(0);
  expect(['🙂', '\uFF5E', '😀', 'a'].sort(compareCodePoints)).toEqual(['a', '\uFF5E', '😀', '🙂']);
});

test('unknown characters are listed readably, each once, with the way out', () => {
  const tokenizer = CharacterTokenizer.build('abc');
  const encode = (text: string): unknown => tokenizer.encode(text, { name: 'the prompt' });
  expect(() => encode('aé→é\u0007\u202Eb')).toThrow(
    new InputError(
      "Expected only characters of the vocabulary in the prompt, got 'é' U+00E9, '→' U+2192, U+0007, U+202E, " +
        "which the model has never seen; use { unknown: 'skip' } to go on without",
      { code: 'UNKNOWN_TOKEN' },
    ),
  );
  expect(() => encode('defghijklmnop')).toThrow(/'m' U\+006D, 3 more, which/);
  expect(Array.from(tokenizer.encode('aéb', { unknown: 'skip' }))).toEqual([0, 1]);
  expect(() => tokenizer.encode('a', { unknown: 'unk' })).toThrow(
    /for { unknown: 'unk' }, got one without; use { unknown: 'skip' }/,
  );
  expect(() => WordTokenizer.build('a').encode('b "')).toThrow(/only words .* got "b", " \\""/);
  const nameOfPolicy = (policy: string): string => `--unknown ${policy}`;
  expect(() => WordTokenizer.build('a').encode('b', { nameOfPolicy })).toThrow(
    /use --unknown skip or --unknown unk to/,
  );
});

test('<unk> in the text itself never becomes the unknown token', () => {
  const tokenizer = CharacterTokenizer.build('<unk>', { unknownToken: true });
  expect(tokenizer.vocabulary.unknownId).toBe(0);
  expect(tokenizer.vocabulary.id('<unk>')).toBe(-1);
  expect(tokenizer.decode(tokenizer.encode('<unk>'))).toBe('<unk>');
  expect(tokenizer.decode(tokenizer.encode('k?', { unknown: 'unk' }))).toBe('k\uFFFD');
});

test('a tokenizer normalises every text as it did the one it was built from', () => {
  const tokenizer = CharacterTokenizer.build('Ée\u0301', { normalization: { form: 'NFC', lowerCase: true } });
  expect(tokenizer.vocabulary.tokens).toEqual(['é']);
  const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
  expect(again.decode(again.encode('E\u0301'))).toBe('é');
});

test('what is no tokenizer file, and no token, is refused', () => {
  expect(() => tokenizerFromJSON(null)).toThrow(/format cadenza-tokenizer version 1, got none of it/);
  expect(() => tokenizerFromJSON({ format: 'cadenza-tokenizer', version: 2 })).toThrow(/version 2/);
  const json = CharacterTokenizer.build('ab').toJSON();
  expect(() => tokenizerFromJSON({ ...json, kind: 'bytes' })).toThrow(/one of character, grapheme, word, got "bytes"/);
  expect(() => tokenizerFromJSON({ ...json, vocabulary: { tokens: [1] } })).toThrow(/a list of strings/);
  expect(() => tokenizerFromJSON({ ...json, vocabulary: { tokens: ['a', 'a'] } })).toThrow(/distinct/);
  expect(() => CharacterTokenizer.build('ab').decode([2])).toThrow(
    'Expected token id to be an integer from 0 to 1, got 2',
  );
  const unit = 'graphemes' as 'grapheme';
  expect(() => CharacterTokenizer.build('ab', { unit })).toThrow('unit to be codePoint or grapheme, got "graphemes"');
  expect(() => new CharacterTokenizer(Vocabulary.build('ab'), { unit })).toThrow(/unit to be codePoint or grapheme/);
  expect(() => Vocabulary.build([])).toThrow('Expected a vocabulary of at least one token, got none');
  expect(() => Vocabulary.build('ab', { maximumSize: 1 })).toThrow(/maximumSize/);
  expect(() => Vocabulary.build('ab', { minimumFrequency: 0 })).toThrow(/minimumFrequency/);
});

test('the module of natural that is used loads no database driver and prints nothing', () => {
  const script = `
    require('natural/lib/natural/tokenizers/regexp_tokenizer.js');
    const drivers = Object.keys(require.cache).filter((path) => /mongoose|redis|memjs|[\\\\/]pg[\\\\/]/.test(path));
    if (drivers.length > 0) console.log(drivers);
  `;
  const root = createRequire(import.meta.url).resolve('natural/package.json');
  expect(
    execFileSync(process.execPath, ['-e', script], { cwd: root.replace(/package\.json$/, ''), encoding: 'utf8' }),
  ).toBe('');
});
