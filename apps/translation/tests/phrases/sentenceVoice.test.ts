import { describe, expect, it } from 'vitest';
import { Random } from '@cadenza/core';
import { countryCodes } from '../../src/phrases/countries.js';
import { languageCodes, regionCodes, currencyCodes, scriptCodes } from '../../src/phrases/codes.js';
import { sentenceLanguages } from '../../src/phrases/grammar.js';
import { drawSentence } from '../../src/phrases/sentence.js';
import { SentenceVoice } from '../../src/phrases/sentenceVoice.js';

const [en, pt, de, fr, es] = sentenceLanguages.map((language) => new SentenceVoice(language, language));
const relations = ['in', 'to', 'from', 'the'] as const;
const country = (voice: SentenceVoice, code: string): string[] => relations.map((use) => voice.country(code, use));

describe('a voice', () => {
  it('contracts Portuguese prepositions with the articles of countries', () => {
    expect(country(pt, 'PT')).toEqual(['em Portugal', 'para Portugal', 'de Portugal', 'Portugal']);
    expect(country(pt, 'DE')).toEqual(['na Alemanha', 'para a Alemanha', 'da Alemanha', 'a Alemanha']);
    expect(country(pt, 'BR')).toEqual(['no Brasil', 'para o Brasil', 'do Brasil', 'o Brasil']);
    expect(country(pt, 'PH')).toEqual(['nas Filipinas', 'para as Filipinas', 'das Filipinas', 'as Filipinas']);
  });

  it('declines German countries that have an article', () => {
    expect(country(de, 'PT')).toEqual(['in Portugal', 'nach Portugal', 'aus Portugal', 'Portugal']);
    expect(country(de, 'CH')).toEqual(['in der Schweiz', 'in die Schweiz', 'aus der Schweiz', 'die Schweiz']);
    expect(country(de, 'NL')).toEqual([
      'in den Niederlanden',
      'in die Niederlande',
      'aus den Niederlanden',
      'die Niederlande',
    ]);
    expect(country(de, 'PH').slice(0, 1)).toEqual(['in den Philippinen']);
  });

  it('gives French countries their gender, number and elision', () => {
    expect(country(fr, 'PT')).toEqual(['au Portugal', 'au Portugal', 'du Portugal', 'le Portugal']);
    expect(country(fr, 'DE')).toEqual(['en Allemagne', 'en Allemagne', 'd’Allemagne', 'l’Allemagne']);
    expect(country(fr, 'EG').slice(2)).toEqual(['d’Égypte', 'l’Égypte']);
    expect(country(fr, 'HU').slice(2)).toEqual(['de Hongrie', 'la Hongrie']);
    expect(country(fr, 'UY')).toEqual(['en Uruguay', 'en Uruguay', 'd’Uruguay', 'l’Uruguay']);
    expect(country(fr, 'NL')).toEqual(['aux Pays-Bas', 'aux Pays-Bas', 'des Pays-Bas', 'les Pays-Bas']);
  });

  it('gives the Netherlands their article in English and Spanish too', () => {
    expect(country(en, 'NL').slice(0, 2)).toEqual(['in the Netherlands', 'to the Netherlands']);
    expect(country(es, 'NL').slice(0, 2)).toEqual(['en los Países Bajos', 'a los Países Bajos']);
    expect(country(es, 'DE')).toEqual(['en Alemania', 'a Alemania', 'de Alemania', 'Alemania']);
  });

  it('translates from and into languages', () => {
    const uses = (voice: SentenceVoice) => [voice.languageIn('en', 'from'), voice.languageIn('hu', 'into')];
    expect(uses(en)).toEqual(['from English', 'into Hungarian']);
    expect(uses(pt)).toEqual(['do inglês', 'para o húngaro']);
    expect(uses(de)).toEqual(['aus dem Englischen', 'ins Ungarische']);
    expect(uses(fr)).toEqual(['de l’anglais', 'vers le hongrois']);
    expect(uses(es)).toEqual(['del inglés', 'al húngaro']);
  });

  it('has German names of languages that decline', () => {
    for (const code of languageCodes) expect(de.name('language', code)).toMatch(/(isch|Deutsch)$/);
  });

  it('puts days into sentences', () => {
    const day = { year: 2026, month: 3, day: 3 };
    const voices = [en, pt, de, fr, es];
    expect(voices.map((voice) => voice.fullDate(day, 'on'))).toEqual([
      'on Tuesday, March 3, 2026',
      'na terça-feira, 3 de março de 2026',
      'am Dienstag, dem 3. März 2026',
      'le mardi 3 mars 2026',
      'el martes 3 de marzo de 2026',
    ]);
    expect(voices.map((voice) => voice.fullDate(day, 'is'))).toEqual([
      'Tuesday, March 3, 2026',
      'terça-feira, 3 de março de 2026',
      'Dienstag, der 3. März 2026',
      'le mardi 3 mars 2026',
      'martes 3 de marzo de 2026',
    ]);
    expect(pt.fullDate({ year: 2026, month: 3, day: 7 }, 'on')).toBe('no sábado, 7 de março de 2026');
  });

  it('tells the gender and the plural of weekdays', () => {
    expect([2, 6].map((day) => pt.weekday(day, 'on'))).toEqual(['na terça-feira', 'no sábado']);
    expect([2, 6].map((day) => pt.weekday(day, 'every'))).toEqual(['todas as terças-feiras', 'todos os sábados']);
    expect([2, 6].map((day) => es.weekday(day, 'every'))).toEqual(['todos los martes', 'todos los sábados']);
    expect([2, 0].map((day) => fr.weekday(day, 'every'))).toEqual(['tous les mardis', 'tous les dimanches']);
  });

  it('has the names of every code in all five languages', () => {
    for (const voice of [en, pt, de, fr, es]) {
      const missing = [
        ...[...regionCodes, ...countryCodes].filter((code) => voice.name('region', code) === undefined),
        ...languageCodes.filter((code) => voice.name('language', code) === undefined),
        ...currencyCodes.filter((code) => voice.name('currency', code) === undefined),
        ...scriptCodes.filter((code) => voice.name('script', code) === undefined),
      ];
      expect(missing, voice.locale).toEqual([]);
    }
  });

  it('joins Spanish words that begin with i by e', () => {
    expect(es.list(['español', 'italiano'])).toBe('español e italiano');
  });
});

describe('a sentence', () => {
  const template = (pattern: string) => ({ en: pattern, pt: pattern, de: pattern, fr: pattern, es: pattern });

  it('begins with a large letter, behind an inverted mark too', () => {
    const sentence = drawSentence(template('¿{person}?'), new Random(1));
    expect(sentence.say(es)).toMatch(/^¿[A-ZÉ]/);
    expect(drawSentence(template('{person}.'), new Random(1)).say(de)).toMatch(/^[A-Z]/);
  });

  it('gives two slots of one kind different values', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { slots } = drawSentence(template('{weekday.on} {weekday2.on}'), new Random(seed));
      expect(slots[0].key).not.toBe(slots[1].key);
    }
  });

  it('ends with one full stop where a value ends with its own', () => {
    const canadian = new SentenceVoice('en-CA', 'en');
    expect(canadian.at(15, 30)).toMatch(/\.$/);
    expect(drawSentence(template('{time.at}.'), new Random(1)).say(canadian)).toMatch(/[^.]\.$/);
  });

  it('uses the accusative of German things', () => {
    const seen = new Set<string | undefined>();
    for (let seed = 0; seed < 200; seed++) {
      seen.add(drawSentence(template('{thing}|{thing.object}'), new Random(seed)).say(de));
    }
    expect(seen).toContain('Der Tisch|den Tisch');
    expect(seen).toContain('Das Buch|das Buch');
  });
});
