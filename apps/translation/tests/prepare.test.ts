import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SentencePair } from '@cadenza/text';
import { describe, expect, it } from 'vitest';
import { dataRequest, languagesOf } from '../src/dataRequest.js';
import { checkSameData, describeDropped, preparePairs, readPairs, requestOf } from '../src/prepare.js';
import { smallConfig } from './pairs.js';

const folder = mkdtempSync(join(tmpdir(), 'cadenza-prepare-'));
const none = { source: null, target: null };

function write(name: string, lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const many = Array.from({ length: 12 }, (_, index) => `w${index} x\tv${index} y`);

describe('languagesOf', () => {
  it('are those told, those of the files’ names, or English and Portuguese for the embedded phrases', () => {
    const files = dataRequest({ source: 'a/train.en', target: 'a/train.pt-BR.gz' }, none)!;
    expect(languagesOf(files, none)).toEqual({ source: 'en', target: 'pt-BR' });
    expect(languagesOf(files, { source: 'de', target: null })).toEqual({ source: 'de', target: 'pt-BR' });
    expect(languagesOf({ train: { kind: 'embedded' }, validation: null }, none)).toEqual({
      source: 'en',
      target: 'pt',
    });
    for (const source of ['a.txt', 'a.zh-yue']) {
      expect(languagesOf(dataRequest({ source, target: 'b.src' }, none)!, none)).toEqual({
        source: 'und',
        target: 'und',
      });
    }
  });
});

describe('readPairs', () => {
  it('cleans, holds out the same pairs for every seed, and says what it dropped', async () => {
    const data = write('many.tsv', [...many, many[0], '\tb', 'a\tb b b b b b b b b b b b']);
    const read = (seed: number) =>
      readPairs(dataRequest({ data }, none)!, smallConfig('text.validationPairs=4', `seed=${seed}`));
    const parts = await read(1);
    expect([parts.train.length, parts.validation.length, parts.test]).toEqual([8, 4, null]);
    expect(parts.description.dropped).toMatchObject({ duplicate: 1, empty: 1, ratio: 1, tooLong: 0 });
    expect(describeDropped(parts.description.dropped)).toBe('dropped: 1 empty, 1 of unequal lengths, 1 duplicate');
    const both = [...parts.train, ...parts.validation].map(({ source }) => source).sort();
    expect(both).toEqual(many.map((line) => line.split('\t')[0]).sort());
    expect((await read(2)).validation).toEqual(parts.validation);
  });

  it('reads validation pairs as they are, and again by what a run keeps', async () => {
    const [source, target] = [write('s.en', ['a', 'b']), write('t.de', ['c', 'd'])];
    const [validationSource, validationTarget] = [write('v.en', ['', 'e']), write('v.de', ['f', 'g'])];
    const config = smallConfig();
    const parts = await readPairs(dataRequest({ source, target, validationSource, validationTarget }, none)!, config);
    expect(parts.validation).toEqual([
      { source: '', target: 'f' },
      { source: 'e', target: 'g' },
    ]);
    const again = await readPairs(requestOf(parts.description), config);
    checkSameData(parts.description, again.description);
    write('v.de', ['f', 'changed']);
    const changed = await readPairs(requestOf(parts.description), config);
    expect(() => checkSameData(parts.description, changed.description)).toThrow(
      /Expected the validation pairs that the run was started with, .*v\.de .*, got .*v\.de/,
    );
  });

  it('refuses a validation line that is far longer than any sentence', async () => {
    const [source, target] = [write('short.en', ['a b', 'c']), write('short.de', ['d e', 'f'])];
    const [validationSource, validationTarget] = [
      write('long.en', ['a', 'b c']),
      write('long.de', ['d', 'e '.repeat(5000)]),
    ];
    const config = smallConfig();
    const parts = await readPairs(dataRequest({ source, target, validationSource, validationTarget }, none)!, config);
    expect(() => preparePairs(parts, config)).toThrow(
      `Expected at most 4096 subwords in line 2 of ${validationTarget}, got 5001`,
    );
  });

  it('drops the training pairs that no batch can hold, and counts them as too long', async () => {
    const data = write('word.tsv', [...many, `${'x'.repeat(300)}y\tv y`, `w\t${'ab'.repeat(99)}`]);
    const read = async (...options: string[]) => {
      const config = smallConfig('text.merges=0', 'text.maximumRatio=null', 'text.validationPairs=2', ...options);
      return preparePairs(await readPairs(dataRequest({ data }, none)!, config), config);
    };
    const whole = await read('batchTokens=500');
    const parts = await read('batchTokens=24');
    const isShort = ({ source, target }: SentencePair): boolean => source.length < 24 && target.length < 24;
    expect(parts.train).toEqual(whole.train.filter(isShort));
    expect(parts.train.length).toBeLessThan(whole.train.length);
    const { dropped, trained } = parts.description;
    expect([dropped.tooLong, trained]).toEqual([whole.train.length - parts.train.length, parts.train.length]);
    await expect(read('batchTokens=2')).rejects.toThrow(
      /^Expected pairs to train on of at most training\.batchTokens 2 subwords a side, got none of 12; take larger batches$/,
    );
  });

  it('names the file and the line of a pair that was held out', async () => {
    const long = Array.from({ length: 3 }, (_, index) => `${'xy'.repeat(3000)}${index}`);
    const [source, target] = [write('held.en', ['', 'a', ...long]), write('held.de', ['b', 'c', 'd', 'e', 'f'])];
    const config = smallConfig('text.merges=0', 'text.validationPairs=2');
    const parts = await readPairs(dataRequest({ source, target }, none)!, config);
    const line = parts.validation[0].source === 'a' ? parts.heldOut![1] : parts.heldOut![0];
    expect(parts.heldOut!.map((number) => ['', 'a', ...long][number - 1])).toEqual(
      parts.validation.map((pair) => pair.source),
    );
    expect(() => preparePairs(parts, config)).toThrow(
      `Expected at most 4096 subwords in line ${line} of ${source}, got 6002`,
    );
    const data = write(
      'held.tsv',
      long.map((text) => `${text}\td`),
    );
    const request = dataRequest({ data }, none)!;
    const ofOne = await readPairs(request, smallConfig('text.merges=0', 'text.validationPairs=1'));
    expect(() => preparePairs(ofOne, config)).toThrow(`subwords in the source of pair ${ofOne.heldOut![0]} of ${data}`);
  });

  it('tells what is wrong with the files where no language is known, and cuts words by common rules', async () => {
    const config = smallConfig('text.tokenization=word', 'text.validationPairs=1');
    const read = (source: string, target: string) => readPairs(dataRequest({ source, target }, none)!, config);
    const [source, target] = [write('a.txt', ['One, two.', 'Three!']), write('b.txt', ['eins'])];
    await expect(read(source, target)).rejects.toThrow(
      /Expected as many lines in .*a\.txt as in .*b\.txt, got 2 and 1/,
    );
    await expect(read(source, join(folder, 'absent.txt'))).rejects.toThrow(/absent\.txt/);
    write('b.txt', ['Eins, zwei.', 'Drei!']);
    const { codec } = preparePairs(await read(source, target), config);
    expect(codec.languages).toEqual({ source: 'und', target: 'und' });
    expect(codec.words('Three, two.', 'source')).toEqual(['Three', ',', 'two', '.']);
  });

  it('learns the same subwords for every seed, so that runs of several make an ensemble', async () => {
    const data = write(
      'words.tsv',
      Array.from({ length: 60 }, (_, n) => `letter ${n * 7919} better\tbutter ${n * 104729} letters`),
    );
    const fingerprint = async (...options: string[]) => {
      const config = smallConfig('text.mergeDropout=0.3', 'text.minimumFrequency=3', ...options);
      return preparePairs(await readPairs(dataRequest({ data }, none)!, config), config).codec.fingerprint;
    };
    expect(await fingerprint('seed=1')).toBe(await fingerprint('seed=2'));
    expect(await fingerprint('seed=1')).not.toBe(await fingerprint('text.mergeDropout=0'));
  });

  it('names the flags of the languages that a translation memory needs', async () => {
    const data = write('memory.tmx', ['<?xml version="1.0"?>', '<tmx version="1.4"><body/></tmx>']);
    await expect(readPairs(dataRequest({ data }, none)!, smallConfig())).rejects.toThrow(
      /memory\.tmx, got none; name them by --source-language and --target-language$/,
    );
  });

  it('makes the embedded phrases with a test part, and tells by what ICU where they are others', async () => {
    const config = smallConfig('embeddedPairs=40', 'embeddedHeldOut=6');
    const { train, validation, test, description } = await readPairs(
      { train: { kind: 'embedded' }, validation: null },
      config,
    );
    expect([train.length, validation.length, test!.length]).toEqual([40, 6, 6]);
    const { icu, cldr, unicode } = process.versions;
    const before = { ...description, fingerprint: 'f00', unicode: { icu: '60.1', cldr: '32', unicode: '10.0' } };
    expect(() => checkSameData(before, description)).toThrow(
      `52 pairs by ICU ${icu}, CLDR ${cldr}, Unicode ${unicode}); these phrases are in the words of the ICU that Node`,
    );
    expect(() => checkSameData(before, description)).toThrow('52 pairs by ICU 60.1, CLDR 32, Unicode 10.0), got');
  });
});

describe('dataRequest', () => {
  it.each([
    [{ data: 'a', source: 'b', target: 'c' }, /Expected either --data or --source and --target, got both/],
    [{ target: 'c' }, /Expected --source beside --target, got none/],
    [{ validationSource: 'a' }, /Expected --validation-target beside --validation-source, got none/],
    [{ validationSource: 'a', validationTarget: 'b' }, /Expected --data or --source and --target beside/],
  ])('refuses %j', (flags, message) => {
    expect(() => dataRequest(flags, none)).toThrow(message);
  });

  it('is nothing where nothing is named', () => {
    expect(dataRequest({}, none)).toBeUndefined();
  });
});
