import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../src/config.js';
import { encodeCorpora, prepareText, readCorpora, readOwnPart } from '../src/prepare.js';
import { sum } from '../src/results.js';

const folder = mkdtempSync(join(tmpdir(), 'cadenza-prepare-'));
const write = (name: string, content: string | Buffer): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const config = resolveConfig({ preset: 'tiny', assignments: ['batchSize=2', 'sequenceLength=8'] });
const verse = 'The quick brown fox jumps over the lazy dog.\n'.repeat(20);

describe('readCorpora', () => {
  it('keeps the last tenth for validation, as nanoGPT does', async () => {
    const { train, validation, description } = await readCorpora(config, { data: write('a.txt', verse) });
    expect(train + validation).toBe(verse);
    expect(train.length).toBe(Math.floor(verse.length * 0.9));
    expect(description).toMatchObject({ source: join(folder, 'a.txt'), characters: verse.length, validation: null });
  });

  it('takes a validation text of its own', async () => {
    const validationData = write('b.txt', 'Quite another text.\n');
    const { train, validation, description } = await readCorpora(config, {
      data: write('a.txt', verse),
      validationData,
    });
    expect(train).toBe(verse);
    expect(validation).toBe('Quite another text.\n');
    expect(description.validation).toMatchObject({ source: validationData, characters: 20 });
  });

  it('knows a text again by its fingerprint, wherever it lies', async () => {
    const first = await readCorpora(config, { data: write('a.txt', verse) });
    const second = await readCorpora(config, { data: write('c.txt', verse) });
    const third = await readCorpora(config, { data: write('d.txt', `${verse}!`) });
    expect(second.description.fingerprint).toBe(first.description.fingerprint);
    expect(third.description.fingerprint).not.toBe(first.description.fingerprint);
  });

  it('uses the embedded text where no path is given', async () => {
    const { description } = await readCorpora(config, {});
    expect(description.source).toBe('WordNet glosses (embedded)');
    expect(description.characters).toBeGreaterThan(59_000);
  });

  it.each([
    ['nowhere.txt', undefined, /nowhere\.txt, found nothing there/],
    ['empty.txt', '', /empty/],
    ['latin1.txt', Buffer.from([0x41, 0xe9, 0x42]), /got 0xE9 at byte 1/],
  ])('refuses %s', async (name, content, message) => {
    const path = content === undefined ? join(folder, name) : write(name, content);
    await expect(readCorpora(config, { data: path })).rejects.toThrow(message);
  });
});

describe('readOwnPart', () => {
  it('needs only the text that the part is of, and takes a whole that was read already', async () => {
    const parts = { data: write('a.txt', verse), validationData: write('b.txt', 'Quite another text.\n') };
    const { description } = await readCorpora(config, parts);
    const piped = { config, description: { data: { ...description, source: '-' } } };
    expect(await readOwnPart(piped, 'validation')).toBe('Quite another text.\n');
    expect(await readOwnPart(piped, 'train', { whole: verse })).toBe(verse);
    await expect(readOwnPart(piped, 'train')).rejects.toThrow(
      /the text of the run, got none: it came from standard input/,
    );
    const { validation } = description;
    const pipedValidation = {
      config,
      description: { data: { ...description, validation: { ...validation!, source: '-' } } },
    };
    await expect(readOwnPart(pipedValidation, 'validation')).rejects.toThrow(
      /Expected the validation text of the run, got none/,
    );
  });
});

describe('prepareText', () => {
  it('encodes both parts with the characters of both', async () => {
    const corpora = await readCorpora(config, { data: write('a.txt', `${verse}é`) });
    const { tokenizer, train, validation } = prepareText(corpora, config);
    expect(tokenizer.decode(train) + tokenizer.decode(validation)).toBe(`${verse}é`);
    expect(tokenizer.vocabulary.id('é')).toBeGreaterThan(0);
  });

  it('knows only the words of the training part', async () => {
    const words = resolveConfig({ preset: 'tiny', assignments: ['level=word', 'batchSize=2', 'sequenceLength=8'] });
    const corpora = await readCorpora(words, { data: write('a.txt', `${verse}unheard of`) });
    const { tokenizer, validation, validationCharacters } = prepareText(corpora, words);
    expect(tokenizer.vocabulary.id('unheard')).toBe(-1);
    expect(tokenizer.decode(validation)).toContain('<unk>');
    expect(validationCharacters).toHaveLength(validation.length);
    expect(sum(validationCharacters)).toBe(corpora.validation.length);
  });

  it('refuses a text shorter than one batch of windows and says what to do', async () => {
    const corpora = await readCorpora(config, { data: write('short.txt', 'To be, or not') });
    expect(() => prepareText(corpora, config)).toThrow(
      /Expected a training text of at least 17 tokens \(2 streams of 8\), got 11 .*smaller --batch or --sequence-length/,
    );
  });

  it('refuses, for a resumed run, characters that its vocabulary does not hold', async () => {
    const { tokenizer } = prepareText(await readCorpora(config, { data: write('a.txt', verse) }), config);
    const other = await readCorpora(config, { data: write('e.txt', verse.replaceAll('fox', 'ÅÅÅ')) });
    expect(() => encodeCorpora(other, tokenizer, config)).toThrow(/got 'Å' U\+00C5/);
  });
});
