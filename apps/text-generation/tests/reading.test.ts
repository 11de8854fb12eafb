import { CharacterTokenizer, WordTokenizer, type Normalization, type Tokenizer } from '@cadenza/text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeInTurns, tokenPieces } from '../src/reading.js';

describe('tokenPieces', () => {
  it('covers all places in order by pieces of several tokens, shorter ones for more weights', () => {
    const places = fc.record({
      start: fc.nat(5),
      length: fc.nat(600),
      weights: fc.integer({ min: 1, max: 1e9 }),
      chunkLength: fc.constantFrom(128, 256),
    });
    fc.assert(
      fc.property(places, ({ start, length, ...options }) => {
        const pieces = [...tokenPieces(start, start + length, options)];
        expect(pieces.flatMap(([first, last]) => Array.from({ length: last - first }, (_, i) => first + i))).toEqual(
          Array.from({ length }, (_, i) => start + i),
        );
        for (const [first, last] of pieces) {
          expect(last - first).toBeLessThanOrEqual(65);
          if (last - first === 1) expect((first - start) % options.chunkLength).toBe(0);
        }
      }),
    );
    const lengthFor = (weights: number): number => {
      const [[first, last]] = tokenPieces(0, 256, { weights });
      return last - first;
    };
    expect([lengthFor(40_000), lengthFor(870_000), lengthFor(13_000_000)]).toEqual([64, 9, 4]);
  });
});

describe('encodeInTurns', () => {
  const alphabet = [
    'a',
    'b',
    'Z',
    '9',
    ' ',
    '  ',
    '\n',
    '\r\n',
    '\r',
    '.',
    "'",
    '’',
    'e\u0301',
    '\u0301',
    'Σ',
    'ß',
    '한',
  ];
  const normalizations: Normalization[] = [{ form: 'none' }, { form: 'NFC' }, { form: 'NFKD', lowerCase: true }];

  it('gives the tokens of the whole text, wherever it is cut', async () => {
    const text = fc.array(fc.constantFrom(...alphabet), { minLength: 1500, maxLength: 5000, size: 'max' });
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom(...normalizations), async (pieces, normalization) => {
        const whole = pieces.join('');
        const tokenizers: Tokenizer[] = [
          CharacterTokenizer.build(whole, { normalization }),
          CharacterTokenizer.build(whole, { normalization, unit: 'grapheme' }),
          WordTokenizer.build(whole, { normalization }),
        ];
        for (const tokenizer of tokenizers) {
          const ids = await encodeInTurns(tokenizer, whole, {}, () => Promise.resolve());
          expect(ids).toEqual(tokenizer.encode(whole));
        }
      }),
      { numRuns: 12 },
    );
  });

  it('pauses between pieces, and refuses what the whole would be refused for', async () => {
    const tokenizer = CharacterTokenizer.build('abc \n');
    let pauses = 0;
    const pause = (): Promise<void> => Promise.resolve(void pauses++);
    await encodeInTurns(tokenizer, 'abc '.repeat(5000), {}, pause);
    expect(pauses).toBeGreaterThan(5);
    await expect(encodeInTurns(tokenizer, `${'abc '.repeat(5000)}é`, {}, pause)).rejects.toThrow(/'é' U\+00E9/);
    expect(await encodeInTurns(tokenizer, '', {}, pause)).toHaveLength(0);
  });
});
