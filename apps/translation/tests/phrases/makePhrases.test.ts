import { ConfigError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { makePhrases, sentenceLanguages, type PhrasePair } from '../../src/phrases/index.js';
import { templates } from '../../src/phrases/templates/index.js';

const words = (text: string): string[] => text.toLowerCase().match(/\p{L}[\p{L}\p{M}’-]*/gu) ?? [];
const sources = (pairs: PhrasePair[]): string[] => pairs.map(({ source }) => source);
const pairsOfLanguages = sentenceLanguages.flatMap((source) =>
  sentenceLanguages.filter((target) => target !== source).map((target) => [source, target] as const),
);

describe('makePhrases', () => {
  it('gives the parts in the sizes asked for, by default 16,000, 500 and 500', () => {
    const { train, validation, test } = makePhrases({ source: 'en', target: 'pt', seed: 1 });
    expect([train.length, validation.length, test.length]).toEqual([16_000, 500, 500]);
    const small = makePhrases({ source: 'en', target: 'pt', seed: 1, count: 30, heldOutCount: 7 });
    expect([small.train.length, small.validation.length, small.test.length]).toEqual([30, 7, 7]);
  });

  it('gives the same phrases for the same seed and others for another', () => {
    const options = { source: 'en', target: 'pt', seed: 5, count: 200, heldOutCount: 40 };
    expect(makePhrases(options)).toEqual(makePhrases(options));
    expect(makePhrases({ ...options, seed: 6 }).train).not.toEqual(makePhrases(options).train);
  });

  it('draws the same training whatever the size of the held-out parts', () => {
    const options = { source: 'en', target: 'de', seed: 2, count: 100 };
    expect(makePhrases({ ...options, heldOutCount: 3 }).train).toEqual(
      makePhrases({ ...options, heldOutCount: 9 }).train,
    );
  });

  it('repeats no source within or across its parts, under one seed', () => {
    const { train, validation, test } = makePhrases({ source: 'en', target: 'pt', seed: 3, count: 4000 });
    const all = [...sources(train), ...sources(validation), ...sources(test)];
    expect(new Set(all).size).toBe(all.length);
  });

  it('holds out the same phrases under every seed, so that no test pair of one seed is in the training of another', () => {
    const { test, validation } = makePhrases({ source: 'en', target: 'pt', seed: 11, count: 1000 });
    const trained = new Set(sources(makePhrases({ source: 'en', target: 'pt', seed: 12, count: 4000 }).train));
    expect(sources(test).filter((source) => trained.has(source))).toEqual([]);
    expect(sources(validation).filter((source) => trained.has(source))).toEqual([]);
  });

  it('reports both kinds of held-out pairs, half of each', () => {
    const { validation, test } = makePhrases({ source: 'de', target: 'es', seed: 1, count: 100 });
    for (const part of [validation, test]) {
      expect(part.filter(({ kind }) => kind === 'templates')).toHaveLength(250);
      expect(part.filter(({ kind }) => kind === 'values')).toHaveLength(250);
    }
  });

  it('never trains on the sentences of a held-out template', () => {
    const { train, test } = makePhrases({ source: 'en', target: 'pt', seed: 1, count: 4000 });
    const wantsToVisitSeveral = /^.* wants to visit .* and .*\.$/;
    const notAtTime = / does not begin at /;
    const known = sources(train);
    expect(known.filter((source) => wantsToVisitSeveral.test(source) || notAtTime.test(source))).toEqual([]);
    const unseen = sources(test.filter(({ kind }) => kind === 'templates'));
    expect(unseen.filter((source) => wantsToVisitSeveral.test(source)).length).toBeGreaterThan(5);
    expect(unseen.filter((source) => notAtTime.test(source)).length).toBeGreaterThan(5);
  });

  it.each([
    ['en', 'pt'],
    ['de', 'fr'],
    ['es', 'en'],
  ])('has every word of its tests from %s to %s in training, but for numbers', (source, target) => {
    const { train, validation, test } = makePhrases({ source, target, seed: 1 });
    for (const side of ['source', 'target'] as const) {
      const known = new Set(train.flatMap((pair) => words(pair[side])));
      const heldOut = [...validation, ...test].flatMap((pair) => words(pair[side]));
      expect(heldOut.filter((word) => !known.has(word))).toEqual([]);
    }
  });

  it('makes short phrases, most of 3 to 15 words', () => {
    const { train } = makePhrases({ source: 'en', target: 'pt', seed: 1, count: 2000 });
    const lengths = train.map(({ source }) => source.split(' ').length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(20);
    expect(lengths.filter((length) => length >= 3 && length <= 15).length).toBeGreaterThan(1600);
  });

  it.each(pairsOfLanguages)('writes whole sentences from %s to %s, with nothing left to fill in', (source, target) => {
    const { train, validation, test } = makePhrases({ source, target, seed: 1, count: 400, heldOutCount: 60 });
    const pairs = [...train, ...validation, ...test];
    const sides = pairs.flatMap((pair) => [pair.source, pair.target]);
    const unfinished = (side: string) => /[{}]|undefined|\.\.|^ |  | $|[^\P{Zs} ]/u.test(side);
    expect(sides.filter((side) => unfinished(side) || side !== side.normalize('NFC'))).toEqual([]);
    expect(pairs.filter((pair) => /[.?]$/.test(pair.source) !== /[.?]$/.test(pair.target))).toEqual([]);
  });

  it.each([
    ['ja', 'nl'],
    ['en', 'ja'],
    ['ar', 'pt'],
  ])('gives the part without sentences from %s to %s', (source, target) => {
    const { train, test } = makePhrases({ source, target, seed: 1, count: 400, heldOutCount: 50 });
    expect(train).toHaveLength(400);
    expect(new Set(test.map(({ kind }) => kind))).toEqual(new Set(['values']));
    expect(train.filter(({ target: text }) => /[a-z].*[.?]$/.test(text))).toEqual([]);
  });

  it('speaks the words of a region: European Portuguese, British dates', () => {
    const { train } = makePhrases({ source: 'en-GB', target: 'pt-PT', seed: 1, count: 4000 });
    const targets = train.map(({ target }) => target).join('\n');
    expect(targets).toMatch(/quilómetros/);
    expect(targets).not.toMatch(/quilômetros/);
    expect(sources(train).join('\n')).toMatch(/ on \d+ (March|May|June) \d{4}\./);
  });

  it('refuses what it cannot speak in one line', () => {
    const make = (source: string, target: string) => () => makePhrases({ source, target, seed: 1, count: 10 });
    expect(make('qqq', 'pt')).toThrow(ConfigError);
    expect(make('qqq', 'pt')).toThrow(
      /^Expected source to be a locale that this Node's Intl has data of.*, got "qqq"$/,
    );
    expect(make('en', 'not a locale')).toThrow(/^Expected target to be a locale .*, got "not a locale"$/);
    expect(make('en', 'EN')).toThrow(/^Expected target to be another locale than source, got "EN"$/);
    expect(() => makePhrases({ source: 'en', target: 'pt', seed: 1, count: 0 })).toThrow(
      'Expected count to be a positive integer, got 0',
    );
    expect(() => makePhrases({ source: 'en', target: 'pt', seed: 1, count: 1, heldOutCount: 1.5 })).toThrow(
      'Expected heldOutCount to be a positive integer, got 1.5',
    );
  });
});

describe('the templates', () => {
  const slots = (text: string): string[] => [...text.matchAll(/\{([a-zA-Z]+\d?)/g)].map(([, name]) => name).sort();

  it('are at least 40 that train, each with one id, and some held out for validation and test', () => {
    expect(new Set(templates.map(({ id }) => id)).size).toBe(templates.length);
    expect(templates.filter(({ heldOut }) => heldOut === undefined).length).toBeGreaterThan(40);
    expect(templates.filter(({ heldOut }) => heldOut === 'test').length).toBeGreaterThan(8);
    expect(templates.filter(({ heldOut }) => heldOut === 'validation').length).toBeGreaterThan(3);
  });

  it.each(templates.map((template) => [template.id, template] as const))(
    '%s has the same slots everywhere',
    (_, template) => {
      for (const language of sentenceLanguages) expect(slots(template[language]), language).toEqual(slots(template.en));
    },
  );
});
