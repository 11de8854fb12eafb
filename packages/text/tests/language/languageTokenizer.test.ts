import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LanguageTokenizer, Truecaser } from '../../src/index.js';
import { anyString } from '../strings.js';

const tokensOf = (language: string, line: string): string => new LanguageTokenizer(language).tokenize(line).join(' ');

describe('words and marks', () => {
  test.each([
    ['en', `Mr. Smith's dog doesn't cost $1,000.50!`, `Mr. Smith 's dog doesn 't cost $ 1,000.50 !`],
    ['en', 'The U.S. team (e.g. at www.a.com/x?y=1), right?', 'The U.S. team ( e.g. at www.a.com/x?y=1 ) , right ?'],
    ['en', 'No. It is a well-known and/or so-so case...', 'No . It is a well-known and/or so-so case ...'],
    ['en', 'me@b.co 🙂👩‍🚀❤️ -5 +3 A&amp;', 'me@b.co 🙂👩‍🚀❤️ -5 +3 A &amp;'],
    ['de', 'Ess- und Wohnzimmer, „Stop“-Schild: z.B. 3,5 %', 'Ess- und Wohnzimmer , „ Stop “ -Schild : z.B. 3,5 %'],
    ['fr', "L'homme qu'il voit aujourd'hui : « là ! »", "L' homme qu' il voit aujourd'hui : « là ! »"],
    ['pt', "Um copo d'água, Sra. Costa?", "Um copo d' água , Sra. Costa ?"],
    ['es', '¿Dónde está Ud.? ¡Aquí!', '¿ Dónde está Ud. ? ¡ Aquí !'],
    ['xx', "ne'er, дом; 本です。", "ne'er , дом ; 本です 。"],
  ])('of %s: %s', (language, line, tokens) => {
    expect(tokensOf(language, line)).toBe(tokens);
  });

  test('tokens hold every character of any line but its white space, and are cut alike once more', () => {
    fc.assert(
      fc.property(anyString, fc.constantFrom('en', 'de', 'fr', 'pt', 'es', 'ru'), (line, language) => {
        const tokenizer = new LanguageTokenizer(language, { form: 'none' });
        const tokens = tokenizer.tokenize(line);
        expect(tokens.join('')).toBe(line.replace(/\s+/g, ''));
        expect(tokenizer.detokenize(tokens).replace(/\s+/g, '')).toBe(tokens.join(''));
      }),
    );
  });
});

describe('lines', () => {
  const lines: Record<string, string[]> = {
    en: [
      `She said: "It isn't Tom's, is it?" and left (slowly).`,
      `The dogs' toys cost $5, £6 or €7 (50% off) – @home, #1!`,
      `'Tea' or 'coffee'? “Neither,” he'd say; it's 10:30 a.m. already...`,
      'Dr. J. Moore works for AT&T, e.g. on well-known and/or new things 🙂.',
    ],
    de: [
      '„Wie geht’s?“, fragte sie. „Gut!“',
      'Das »Ess- und Wohnzimmer« kostet ca. 1.000 € (5 % mehr), z.B. hier.',
      'Ein „Stop“-Schild am 3. Mai: ‚halt‘!',
    ],
    fr: [
      "L'homme qu'il a vu aujourd'hui dit : « Voilà ! Où est-elle ? »",
      'Il a "trois" chats (ou plus) ; 50 % dorment.',
    ],
    pt: ["“Um copo d'água, Sra. Costa?” – disse ele; custa R$ 5,50 (10%).", 'Ele viu-a às 10:30, «ontem».'],
    es: ['¿Dónde está Ud.? ¡Aquí! «No sé», dijo.', 'El 50% cuesta (más o menos) $5,50: caro…'],
  };
  test.each(Object.entries(lines))('of %s come back from their words and marks', (language, list) => {
    const tokenizer = new LanguageTokenizer(language);
    expect(list.map((line) => tokenizer.detokenize(tokenizer.tokenize(line)))).toEqual(list);
  });

  test('are written as one does where the original was not', () => {
    expect(new LanguageTokenizer('en').detokenize(['a', ',', 'b', ')', '$', 'x', '"', 'y'])).toBe('a, b) $ x "y');
    expect(new LanguageTokenizer('fr').detokenize(['Quoi', '?!'])).toBe('Quoi ?!');
    expect(new LanguageTokenizer('en').detokenize([])).toBe('');
    expect(new LanguageTokenizer('en').detokenize(''.split(' '))).toBe('');
    expect(new LanguageTokenizer('en').detokenize(['the', 'dogs', '', "'", 'toys', ''])).toBe("the dogs' toys");
  });
});

describe('casing', () => {
  const lines = ['The dog saw Paris.', 'Then the dog ran. Dogs run!', 'In Paris the dog, in the end, then slept.'];

  test('lower makes all letters small and leaves the output so', () => {
    const tokenizer = new LanguageTokenizer('en', { casing: 'lower' });
    expect(tokenizer.tokenize('The ÉCOLE')).toEqual(['the', 'école']);
    expect(tokenizer.detokenize(['the', 'end', '.'])).toBe('the end.');
  });

  test('true makes small what is capital only at the beginning of a sentence, and gives capitals back', () => {
    const tokenizer = LanguageTokenizer.train('en', lines, { casing: 'true' });
    expect(tokenizer.tokenize('"The Paris of old. Then Dogs."')).toEqual([
      '"',
      'the',
      'Paris',
      'of',
      'old',
      '.',
      'then',
      'Dogs',
      '.',
      '"',
    ]);
    expect(tokenizer.tokenize('Paris')).toEqual(['Paris']);
    expect(tokenizer.tokenize('Unseen words')).toEqual(['Unseen', 'words']);
    for (const line of lines) expect(tokenizer.detokenize(tokenizer.tokenize(line))).toBe(line);
    expect(tokenizer.detokenize(['"', 'étoile', '!', '3', 'dogs', '"'])).toBe('"Étoile! 3 dogs"');
  });

  test('the most frequent form within sentences counts', () => {
    const truecaser = Truecaser.train([
      ['x', 'Polish'],
      ['x', 'polish'],
      ['x', 'Polish'],
      ['Polish', 'polish'],
    ]);
    expect(truecaser.apply(['polish'])).toEqual(['polish']); // twice each: the small one, later in code points
    expect(truecaser.apply(['POLISH'])).toEqual(['polish']);
  });
});

test.each(['a', '%+', 'a@', "'a", 'a.', '. ', '🙂'])('100,000 characters of %s are cut in a moment', (part) => {
  const line = part.repeat(100_000 / part.length);
  const start = performance.now();
  const tokenizer = new LanguageTokenizer('en');
  expect(tokenizer.tokenize(line).join('')).toBe(line.replaceAll(' ', ''));
  expect(performance.now() - start).toBeLessThan(5000); // some tens of milliseconds on an idle machine
});

test('lines are brought into one Unicode form', () => {
  const decomposed = 'cafe\u0301';
  expect(new LanguageTokenizer('fr').tokenize(decomposed)).toEqual(['café']);
  expect(new LanguageTokenizer('fr', { form: 'none' }).tokenize(decomposed)).toEqual([decomposed]);
});

test('JSON keeps all that decides the tokens', () => {
  const tokenizer = LanguageTokenizer.train('en-GB', ['See The Hague.', 'In The Hague it rains.'], {
    casing: 'true',
    form: 'NFKC',
  });
  const copy = LanguageTokenizer.fromJSON(JSON.parse(JSON.stringify(tokenizer)));
  expect(copy.toJSON()).toEqual(tokenizer.toJSON());
  expect(copy.tokenize('Rains in ﬁve places, It')).toEqual(['rains', 'in', 'five', 'places', ',', 'It']);
  const plain = new LanguageTokenizer('de', { casing: 'lower' });
  expect(LanguageTokenizer.fromJSON(JSON.parse(JSON.stringify(plain))).toJSON()).toEqual(plain.toJSON());
});

test('what makes no sense is refused', () => {
  expect(() => new LanguageTokenizer('english please')).toThrow(/language to be a language tag such as en or pt-BR/);
  expect(() => new LanguageTokenizer('en', { casing: 'upper' as 'lower' })).toThrow(/one of none, lower, true/);
  expect(() => new LanguageTokenizer('en', { casing: 'true' })).toThrow(/truecaser to be there for casing true/);
  expect(() => new LanguageTokenizer('en', {}, new Truecaser([]))).toThrow(/absent for casing none/);
  expect(() => new LanguageTokenizer('en', { form: 'NFX' as 'NFC' })).toThrow(/normalisation form/);
  expect(() => LanguageTokenizer.fromJSON({ format: 'x', version: 1 })).toThrow(/got x version 1/);
  expect(() => Truecaser.fromJSON({})).toThrow(/cadenza-truecaser/);
  expect(() => Truecaser.fromJSON({ format: 'cadenza-truecaser', version: 1, words: [1] })).toThrow(/list of strings/);
});
