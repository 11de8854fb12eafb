import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinSentences, splitSentences } from '../../src/index.js';
import { anyString } from '../strings.js';

describe('sentences', () => {
  test.each([
    ['en', ['Mr. Smith met Dr. Jones.', 'They talked, e.g. about U.S. law.', 'J. S. Bach was not there!', '"Why?"']],
    ['en', ['It cost 3.50 dollars.', 'Was it I.', 'See www.example.com for more.']],
    ['de', ['Am 3. Mai kam Hr. Weber, z.B. mit dem Zug.', 'Das ist so.', 'Und Prof. Klein?']],
    ['fr', ['M. Martin et Mme. Petit sont là.', 'Où est-il ?', 'Voilà !']],
    ['pt-BR', ['O Sr. Silva chegou.', 'A Dra. Costa não.']],
    ['es', ['El Sr. López llegó.', '¿Dónde está Ud. ahora?', '¡Aquí!']],
    ['ja', ['これは本です。', 'あれは?']],
  ])('of %s end where a reader ends them', (language, sentences) => {
    const text = sentences.join(' ');
    expect(splitSentences(text, language)).toEqual({
      sentences,
      separators: ['', ...sentences.slice(1).map(() => ' '), ''],
    });
  });

  test.each([
    ['paragraphs', `${'He said so. '.repeat(50)}\n\n`, {}],
    ['one line', 'He said so. '.repeat(10), {}],
    ['lines broken at the margin', 'He said\nso. '.repeat(10), { lineBreaks: 'wrapped' }],
  ] as const)('of a long text of %s take time by its length', (_, part, options) => {
    const few = part.repeat(Math.ceil(150_000 / part.length));
    const seconds = (text: string): number => {
      const before = process.cpuUsage();
      splitSentences(text, 'en', options);
      return process.cpuUsage(before).user / 1e6;
    };
    seconds(few);
    expect(seconds(few.repeat(4))).toBeLessThan(8 * Math.max(0.05, seconds(few))); // 16 if quadratic
  });

  test('of a long line are those that Unicode finds in it as a whole', () => {
    const whole = new Intl.Segmenter('en', { granularity: 'sentence' });
    const piece = fc.constantFrom('word', 'Word', '. ', '! ', '1', ' ', '(', ')', '"', ', ', '。', '\u0301', '…', '😀');
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1500, maxLength: 4000 }), (pieces) => {
        const text = pieces.join('');
        const found = Array.from(whole.segment(text), ({ segment }) => segment.trim()).filter((part) => part !== '');
        expect(splitSentences(text, 'en').sentences).toEqual(found);
      }),
      { numRuns: 20 },
    );
    // What decides whether the first period ends one may come very late.
    const numbers = `No. ${'1 '.repeat(5000)}`;
    expect(splitSentences(`${numbers}and so on. The end.`, 'en').sentences).toEqual([
      `${numbers}and so on.`,
      'The end.',
    ]);
    expect(splitSentences(`${numbers}And so on.`, 'en').sentences).toEqual(['No.', `${numbers.slice(4)}And so on.`]);
  });

  test('a line break ends one, after an abbreviation too, and paragraphs stay apart', () => {
    expect(splitSentences('\n Heading\n\nWith Dr.\nOne. Two.\n', 'en')).toEqual({
      sentences: ['Heading', 'With Dr.', 'One.', 'Two.'],
      separators: ['\n ', '\n\n', '\n', ' ', '\n'],
    });
  });

  test('in text broken at the margin only an empty line ends a paragraph', () => {
    const text = 'A sentence that\ngoes on. Another\r\none.\n\nA title\n \nEnd\n';
    const split = splitSentences(text, 'en', { lineBreaks: 'wrapped' });
    expect(split.sentences).toEqual(['A sentence that goes on.', 'Another  one.', 'A title', 'End']);
    expect(joinSentences(split.sentences, split.separators).split(/\s+/)).toEqual(text.split(/\s+/));
  });

  test('joining gives any text back, and no sentence is empty or longer than allowed', () => {
    const length = fc.option(fc.integer({ min: 2, max: 12 }), { nil: undefined });
    fc.assert(
      fc.property(anyString, length, fc.constantFrom('en', 'de', 'ar'), (text, maximumLength, language) => {
        const { sentences, separators } = splitSentences(text, language, { maximumLength });
        expect(joinSentences(sentences, separators)).toBe(text);
        expect(separators.join('').trim()).toBe('');
        for (const sentence of sentences) {
          expect(sentence.trim()).toBe(sentence);
          expect(sentence).not.toBe('');
          expect(sentence.length).toBeLessThanOrEqual(maximumLength ?? Infinity);
        }
      }),
    );
  });

  test('a long one is cut at a comma, else at a space, else between characters', () => {
    const cut = (text: string, maximumLength: number): string[] =>
      splitSentences(text, 'en', { maximumLength }).sentences;
    expect(cut('one, two three four', 10)).toEqual(['one,', 'two three', 'four']);
    expect(cut('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(cut('🙂🙂🙂', 3)).toEqual(['🙂', '🙂', '🙂']);
    const long = cut('word '.repeat(20_000), 1000);
    expect(Math.max(...long.map((part) => part.length))).toBeLessThanOrEqual(1000);
    expect(long.join(' ')).toBe('word '.repeat(20_000).trim());
  });

  test('nothing gives nothing', () => {
    expect(splitSentences('', 'en')).toEqual({ sentences: [], separators: [''] });
    expect(splitSentences(' \n', 'en')).toEqual({ sentences: [], separators: [' \n'] });
  });

  test.each(['not a tag', 'cs_CZ_1'])('of %s, which is no tag, end by the common rules', (language) => {
    expect(splitSentences('One with Dr. Two. Three.', language).sentences).toEqual(['One with Dr. Two.', 'Three.']);
  });

  test('options that make no sense are refused', () => {
    expect(() => splitSentences('a', 'en', { maximumLength: 1 })).toThrow(/an integer of at least 2, got 1/);
    expect(() => splitSentences('a', 'en', { lineBreaks: 'keep' as 'end' })).toThrow(/end or wrapped, got "keep"/);
    expect(() => joinSentences(['a'], [''])).toThrow('Expected separators to be one more than 1 sentences, got 1');
  });
});
