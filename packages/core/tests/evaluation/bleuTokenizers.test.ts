import { describe, expect, test } from 'vitest';
import { bleuTokenizers } from '../../src/evaluation/bleuTokenizers.js';

describe('13a', () => {
  test.each([
    ['Hello, world!', 'Hello , world !'],
    ['It costs 1,234.50 dollars.', 'It costs 1,234.50 dollars .'],
    ['since 2004.', 'since 2004 .'],
    ['a 20-year-old', 'a 20 - year-old'],
    ["don't (ever) {say} [so]", "don't ( ever ) { say } [ so ]"],
    ['R&amp;D &lt;b&gt; &quot;x&quot;', 'R & D < b > " x "'],
    ['&amp;lt;', '<'],
    ['a<skipped>b', 'ab'],
    ['hyphen-\nated\nline', 'hyphenated line'],
    ['„Ja“ – 5€', '„Ja“ – 5€'],
    ['trailing-\n', 'trailing-'],
    ['🙂.🙂', '🙂 . 🙂'],
    ['', ''],
  ])('%j', (text, tokens) => {
    expect(bleuTokenizers['13a'](text).join(' ')).toBe(tokens);
  });
});

describe('intl', () => {
  test.each([
    ['„Ja“ – 5€, 3.50', '„ Ja “ – 5 € , 3.50'],
    ['since 2004.', 'since 2004.'],
    ['since 2004. ', 'since 2004.'],
    ['don’t', 'don ’ t'],
    ['R&amp;D', 'R & amp ; D'],
    ['漢字。カナ', '漢字 。 カナ'],
    ['a🙂b', 'a 🙂 b'],
  ])('%j', (text, tokens) => {
    expect(bleuTokenizers.intl(text).join(' ')).toBe(tokens);
  });
});

describe('none', () => {
  test('only white space cuts, all that Unicode knows, but no byte order mark', () => {
    expect(bleuTokenizers.none(' a,\u00a0b\u3000c\u0085d\u001ce\ufefff\n')).toEqual(['a,', 'b', 'c', 'd', 'e\ufefff']);
  });
});
