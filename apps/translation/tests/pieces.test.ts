import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutLine, joinPieces, LONGEST_PIECE } from '../src/pieces.js';

describe('cutLine', () => {
  it('leaves a line whole, two sentences or not, unless it is long or sentences are asked for', () => {
    const line = ' One sentence. Another one. ';
    expect(cutLine(line, { language: 'en' }).pieces).toEqual([line]);
    expect(cutLine(line, { language: 'en', sentences: true })).toEqual({
      pieces: ['One sentence.', 'Another one.'],
      separators: [' ', ' ', ' '],
    });
  });

  it('cuts a long line into pieces that are not, at spaces where there are some', () => {
    const words = 'word '.repeat(2000);
    const { pieces } = cutLine(words, { language: 'und' });
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThanOrEqual(LONGEST_PIECE);
    expect(pieces.every((piece) => /^(word ?)+$/.test(piece))).toBe(true);
    expect(cutLine('x'.repeat(1200), { language: 'en' }).pieces.map(({ length }) => length)).toEqual([500, 500, 200]);
  });

  it('gives an empty piece for a line of white space', () => {
    expect(cutLine('  ', { language: 'en', sentences: true }).pieces).toEqual(['']);
  });

  it('loses nothing of any line, and joining never makes two lines', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1500 }), fc.boolean(), (line, sentences) => {
        const cut = cutLine(line, { language: 'en', sentences });
        const joined = joinPieces(cut.pieces, cut);
        expect(joined.replace(/\s/g, '')).toBe(line.replace(/\s/g, ''));
        expect(joined).not.toMatch(/[\r\n\u2028\u2029]/);
      }),
    );
  });
});
