import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ctcPrefixBeamSearch, symbolScorer, wordScorer } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { characterTokens, NgramModel } from '../../src/index.js';

interface GoldenCase {
  name: string;
  order: number;
  prune: number[];
  characters: boolean;
  arpa: string;
  /** log10 p, the tokens with the end, the unknown ones */
  scores: [number, number, number][];
}

/** What KenLM makes of some sentences; tools/golden/ngram.py has written it. */
const golden: { sentences: string[]; others: string[]; cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL('../golden/ngram.json', import.meta.url), 'utf8'),
);
const words = (line: string) => line.split(' ').filter((word) => word !== '');
const tokensOf = (characters: boolean) => (characters ? characterTokens : words);

/** The lines of n-grams of an ARPA text: log10 p and log10 of the backoff by the tokens. */
function entries(arpa: string): Map<string, [number, number]> {
  const lines = arpa.split('\n').filter((line) => line.includes('\t'));
  return new Map(
    lines.map((line) => {
      const [probability, tokens, backoff = '0'] = line.split('\t');
      return [tokens, [Number(probability), Number(backoff)]];
    }),
  );
}

describe.each(golden.cases)('as KenLM does: $name', ({ order, prune, characters, arpa, scores }) => {
  const tokens = tokensOf(characters);
  const trained = NgramModel.train(golden.sentences.map(tokens), { order, prune });

  test('the same n-grams get the same probabilities and backoffs', () => {
    const [got, wanted] = [entries(trained.toArpa()), entries(arpa)];
    expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort());
    for (const [ngram, [probability, backoff]] of wanted) {
      // lmplz computes in float32 and writes about seven digits.
      if (ngram !== '<s>') expect(Math.abs(got.get(ngram)![0] - probability)).toBeLessThan(2e-6);
      expect(Math.abs(got.get(ngram)![1] - backoff)).toBeLessThan(2e-6);
    }
  });

  test.each([
    ['trained', trained],
    ['read from its file', NgramModel.fromArpa(arpa)],
    ['written and read', NgramModel.fromArpa(trained.toArpa())],
  ])('sentences get the same scores, %s', (_how, model) => {
    golden.others.forEach((line, place) => {
      const [log10, count, unknown] = scores[place];
      const got = model.perplexity([tokens(line)]);
      expect([got.tokens, got.unknown]).toEqual([count, unknown]);
      // Sums of up to 60 numbers of seven digits.
      expect(Math.abs(got.logProbability / Math.LN10 - log10)).toBeLessThan(2e-5);
      expect(model.sentenceLogProbability(tokens(line))).toBe(got.logProbability);
    });
  });
});

const sentences = golden.sentences.map(words);

describe('training', () => {
  const anySentences = fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 6 }), {
    minLength: 1,
    maxLength: 8,
  });

  test('the probabilities of what may follow sum to 1, whatever came before', () => {
    const options = fc.record({
      order: fc.integer({ min: 1, max: 4 }),
      minimumCount: fc.integer({ min: 1, max: 3 }),
      prune: fc.constantFrom([0], [0, 0, 1], [0, 1]),
      vocabulary: fc.constantFrom(undefined, ['a', 'b'], ['a', 'x']),
    });
    fc.assert(
      fc.property(
        anySentences,
        options,
        fc.array(fc.constantFrom('<s>', 'a', 'b', 'z'), { maxLength: 3 }),
        (texts, choice, before) => {
          const model = NgramModel.train(texts, choice);
          const sum = model.tokens
            .filter((token) => token !== '<s>')
            .reduce((total, token) => total + Math.exp(model.logProbability(token, before)), 0);
          expect(sum).toBeCloseTo(1, 10);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('follows the equations on counts made by hand', () => {
    // Single tokens: a 2, b 1, </s> 2 times of 5; too few for discounts, so 0.5 and 1. gamma = (0.5 + 1 + 1) / 5, |V| = 4.
    const model = NgramModel.train([['a', 'b'], ['a']], { order: 1 });
    expect(model.discounts).toEqual([[0.5, 1, 1.5]]);
    const gamma = 2.5 / 5 / 4;
    expect(model.logProbability('a')).toBeCloseTo(Math.log(1 / 5 + gamma), 12);
    expect(model.logProbability('b')).toBeCloseTo(Math.log(0.5 / 5 + gamma), 12);
    expect(model.logProbability('zebra')).toBeCloseTo(Math.log(gamma), 12);
  });

  test('a vocabulary or a least count leaves the other tokens to <unk>', () => {
    const frequent = NgramModel.train(sentences, { minimumCount: 5 });
    expect(frequent.tokens).toEqual(['<unk>', '<s>', '</s>', 'a', 'cat', 'dog', 'the']);
    const model = NgramModel.train(sentences, { vocabulary: ['the', 'zebra'] });
    expect(model.tokens).toEqual(['<unk>', '<s>', '</s>', 'the', 'zebra']);
    expect(model.logProbability('cat', ['the'])).toBe(model.logProbability('<unk>', ['the']));
    expect(model.logProbability('cat', ['the'])).toBeGreaterThan(model.logProbability('zebra', ['the']));
  });

  test('names what is wrong', () => {
    expect(() => NgramModel.train([])).toThrow('Expected at least one sentence to train on, got none');
    expect(() => NgramModel.train([['a', '</s>']])).toThrow(
      'Expected tokens other than <s>, </s> and nothing, got "</s>" in sentence 0',
    );
    expect(() => NgramModel.train(sentences, { order: 0 })).toThrow('Expected order to be a positive integer, got 0');
    expect(() => NgramModel.train(sentences, { minimumCount: 0 })).toThrow(
      'Expected minimumCount to be a positive integer, got 0',
    );
    for (const prune of [[1], [0, 2, 1], []]) {
      expect(() => NgramModel.train(sentences, { prune })).toThrow(
        `Expected prune to be integers from 0 on, none less than that before it, got [${prune.join(', ')}]`,
      );
    }
    expect(() => NgramModel.train(sentences).perplexity([])).toThrow(
      'Expected at least one sentence to measure, got none',
    );
  });
});

describe('the states', () => {
  test('give what the tokens before give, and hold no more of them than matters', () => {
    const model = NgramModel.train(sentences, { order: 3 });
    const walk = (line: string) => words(line).reduce((state, word) => model.next(state, word).state, model.start());
    expect(walk('the cat sat on the mat')).toBe(walk('dog on the mat'));
    expect(model.next(walk('on the'), 'mat').logProbability).toBe(model.logProbability('mat', ['on', 'the']));
    expect(model.next(model.start(), 'a').logProbability).toBe(model.logProbability('a', ['<s>']));
    expect(model.finish(walk('the mat'))).toBe(model.logProbability('</s>', ['<s>', 'the', 'mat']));
  });

  test('a search with the model prefers what it has read', () => {
    const symbols = ['', '<space>', 'c', 'k', 'a', 't'];
    // "cat" and "kat" sound alike.
    const rows = [
      [0.02, 0.02, 0.44, 0.48, 0.02, 0.02],
      [0.02, 0.02, 0.02, 0.02, 0.9, 0.02],
      [0.02, 0.02, 0.02, 0.02, 0.02, 0.9],
    ];
    const scores = { logProbabilities: rows.flat().map(Math.log), symbolCount: 6 };
    const text = (scorer?: Parameters<typeof ctcPrefixBeamSearch>[1]) =>
      ctcPrefixBeamSearch(scores, scorer)[0]
        .symbols.map(({ symbol }) => symbols[symbol])
        .join('');
    expect(text()).toBe('kat');
    expect(text({ scorer: wordScorer(NgramModel.train(sentences), { symbols, separator: 1 }) })).toBe('cat');
    const characters = NgramModel.train(golden.sentences.map(characterTokens), { order: 4 });
    expect(text({ scorer: symbolScorer(characters, symbols) })).toBe('cat');
  });
});

test('a token that is no string is refused', () => {
  const model = NgramModel.train(sentences);
  expect(() => model.next(model.start(), undefined as never)).toThrow(
    'Expected a token of the n-gram model to be a string, got undefined',
  );
});

describe('the file', () => {
  const model = NgramModel.train(sentences, { order: 3 });

  test('read and written again is the same, on disk and compressed too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ngram-'));
    try {
      const path = join(folder, 'model.arpa');
      model.writeArpa(path);
      const text = readFileSync(path, 'utf8');
      expect((await NgramModel.readArpa(path)).toArpa()).toBe(text);
      writeFileSync(path, gzipSync(text.replaceAll('\n', '\r\n')));
      expect((await NgramModel.readArpa(path)).toArpa()).toBe(text);
      expect(NgramModel.fromArpa(text.replaceAll('\n', '\r\n')).sizes).toEqual(model.sizes);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('without <unk> gives other tokens no probability', () => {
    const closed = NgramModel.fromArpa('\\data\\\nngram 1=2\n\n\\1-grams:\n-0.30103\ta\n-0.30103\t</s>\n\n\\end\\\n');
    expect(closed.logProbability('b')).toBe(-Infinity);
    expect(closed.perplexity([['a']]).perplexity).toBeCloseTo(2, 5);
  });

  const valid = [
    '\\data\\',
    'ngram 1=3',
    'ngram 2=1',
    '',
    '\\1-grams:',
    '-1\t<unk>',
    '-1\ta\t-0.5',
    '-1\tb',
    '',
    '\\2-grams:',
    '-0.25\ta b',
    '',
    '\\end\\',
  ];
  test.each<[string, number, string, string]>([
    ['another start', 1, 'data', 'Expected \\data\\ in line 13 of m.arpa, got "the end of the text"'],
    [
      'counts out of order',
      3,
      'ngram 3=1',
      'Expected ngram 2=COUNT or \\1-grams: in line 3 of m.arpa, got "ngram 3=1"',
    ],
    ['a count that does not fit', 2, 'ngram 1=4', 'Expected 4 n-grams of length 1 in line 10 of m.arpa, got 3'],
    ['a section that is not due', 5, '\\2-grams:', 'Expected \\1-grams: in line 5 of m.arpa, got "\\\\2-grams:"'],
    ['no number', 6, 'x\t<unk>', 'Expected a number in line 6 of m.arpa, got "x"'],
    [
      'a probability above 1',
      6,
      '0.1\t<unk>',
      'Expected a logarithm of a probability, at most 0 in line 6 of m.arpa, got "0.1"',
    ],
    ['too few fields', 11, '-0.25\ta', 'Expected a number, 2 tokens in line 11 of m.arpa, got "-0.25\\ta"'],
    [
      'a backoff of the longest',
      11,
      '-0.25\ta b\t-1',
      'Expected a number, 2 tokens in line 11 of m.arpa, got "-0.25\\ta b\\t-1"',
    ],
    ['a token twice', 8, '-1\ta', 'Expected each n-gram once in line 8 of m.arpa, got "a"'],
    [
      'an unlisted token',
      11,
      '-0.25\ta c',
      'Expected tokens that are listed among the 1-grams in line 11 of m.arpa, got "c"',
    ],
    ['no end', 13, '', 'Expected \\end\\ in line 13 of m.arpa, got "the end of the text"'],
    ['something after the end', 13, '\\end\\\nmore', 'Expected nothing after \\end\\ in line 14 of m.arpa, got "more"'],
  ])('with %s is refused with its line', (_what, line, text, message) => {
    expect(NgramModel.fromArpa(valid.join('\n')).sizes).toEqual([3, 1]);
    const lines = [...valid];
    lines[line - 1] = text;
    expect(() => NgramModel.fromArpa(lines.join('\n'), 'm.arpa')).toThrow(message);
  });

  test('with an n-gram whose beginning is missing is refused', () => {
    const lines = [...valid.slice(0, 3), 'ngram 3=1', ...valid.slice(3, 11), '\\3-grams:', '-1\tb a b', '\\end\\'];
    expect(() => NgramModel.fromArpa(lines.join('\n'), 'm.arpa')).toThrow(
      'Expected the beginning of each n-gram among the shorter ones in line 14 of m.arpa, got "b a b"',
    );
  });

  test('cannot hold a token with a space, a tab or a line end', () => {
    for (const token of ['a b', 'a\tb', 'a\n', '\r']) {
      expect(() => NgramModel.train([[token]]).toArpa()).toThrow(
        `Expected tokens of an ARPA file to be without spaces, tabs and line ends, got ${JSON.stringify(token)}`,
      );
    }
  });

  test('holds any character of a text, other white space too', () => {
    const tokens = characterTokens('l’un\u00A0: deux\t\u3000\r\n\u2028\u0085\v\uFEFF');
    expect(tokens).toEqual(expect.arrayContaining(['<space>', '<tab>', '<newline>', '<return>', '\u00A0', '\uFEFF']));
    const trained = NgramModel.train([tokens, ['\u3000'], ['\uFEFF', '\u00A0']], { order: 2 });
    const text = trained.toArpa();
    const again = NgramModel.fromArpa(text);
    expect(again.tokens).toEqual(trained.tokens);
    expect(again.toArpa()).toBe(text);
  });

  test('may have a text before \\data\\, and -inf for the logarithm of 0', () => {
    const lines = ['made by a tool', '', '\\1-grams:', '-1 x', ...valid];
    expect(NgramModel.fromArpa(lines.join('\n')).sizes).toEqual([3, 1]);
    expect(NgramModel.fromArpa(`\uFEFF${valid.join('\n')}`).sizes).toEqual([3, 1]);
    const never = NgramModel.fromArpa(valid.join('\n').replace('-1\tb', '-inf\tb'));
    expect(never.logProbability('b', ['b'])).toBe(-Infinity);
    expect(never.logProbability('b', ['a'])).toBeCloseTo(-0.25 * Math.LN10, 12);
    expect(never.toArpa()).toContain('\n-99\tb\n');
  });
});
