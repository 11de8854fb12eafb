import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dictionaryLine, embeddedText } from '../src/embeddedText.js';

describe('embeddedText', () => {
  it('is the same text every time, in whole lines, not longer than asked', () => {
    const text = embeddedText({ characters: 50_000 });
    expect(text.length).toBeLessThanOrEqual(50_000);
    expect(text.length).toBeGreaterThan(49_800);
    expect(text.endsWith('\n')).toBe(true);
    expect(createHash('sha256').update(text).digest('hex')).toBe(
      createHash('sha256')
        .update(embeddedText({ characters: 50_000 }))
        .digest('hex'),
    );
  });

  it('holds lines of one kind in plain characters', () => {
    const lines = embeddedText({ characters: 50_000 }).trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(500);
    for (const line of lines) expect(line).toMatch(/^[a-z][a-z' -]*: [a-z][A-Za-z ,;'()-]*$/);
    expect(new Set(lines).size).toBe(lines.length);
  });

  it('begins the longer text with the shorter one', () => {
    expect(embeddedText({ characters: 9000 }).startsWith(embeddedText({ characters: 3000 }))).toBe(true);
  });
});

describe('dictionaryLine', () => {
  it('takes the first word and the definition without its examples', () => {
    const record =
      '00003993 03 n 02 pot_plant 0 congener 0 001 @ 00003553 n 0000 | a whole of the same kind; "lard was its congener"  ';
    expect(dictionaryLine(record)).toBe('pot plant: a whole of the same kind');
  });

  it('leaves out the licence, names, digits and what has no definition', () => {
    expect(dictionaryLine('  1 This software and database is being provided to you')).toBeUndefined();
    expect(dictionaryLine('00003993 03 n 01 Paris 0 000 | the capital of France')).toBeUndefined();
    expect(dictionaryLine('00003993 03 n 01 war 0 000 | a war that began in 1914')).toBeUndefined();
    expect(dictionaryLine('00003993 03 n 01 war 0 000')).toBeUndefined();
  });
});
