import { appendFile, mkdtemp, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeSphinxFeatures,
  encodeSphinxFeatures,
  FeatureCache,
  featureFingerprint,
  featureMatrix,
  featurePreset,
  formatManifestLine,
  type ManifestEntry,
  parseManifestLine,
  readManifest,
  readSphinxFeatures,
  writeSphinxFeatures,
} from '../../src/index.js';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'cadenza-audio-'));
const features = featureMatrix(
  Float32Array.from({ length: 39 }, (_, n) => n / 7 - 2),
  13,
);

describe('Sphinx features', () => {
  test.each([false, true])('are read as they were written (little-endian: %s)', (little) => {
    expect(decodeSphinxFeatures(encodeSphinxFeatures(features, little))).toEqual(features);
    expect(decodeSphinxFeatures(encodeSphinxFeatures(features, little), { dimension: 3 }).frames).toBe(13);
  });

  test('are big-endian, the count first', () => {
    expect(Array.from(encodeSphinxFeatures(featureMatrix(Float32Array.of(1), 1)))).toEqual([
      0, 0, 0, 1, 0x3f, 0x80, 0, 0,
    ]);
  });

  test('lie on disk', async () => {
    const path = join(await folder(), 'a.mfc');
    await writeSphinxFeatures(path, features);
    expect(await readSphinxFeatures(path)).toEqual(features);
    await truncate(path, 100);
    await expect(readSphinxFeatures(path)).rejects.toThrow(`Expected ${path} to count its 24 floats at byte 0, got 39`);
    await expect(readSphinxFeatures(`${path}x`)).rejects.toThrow(
      `Expected a feature file at ${path}x, got nothing there`,
    );
  });

  test('that are wrong are refused', () => {
    const bytes = encodeSphinxFeatures(features);
    expect(() => decodeSphinxFeatures(bytes.subarray(0, 3))).toThrow('to begin with a count of 4 bytes, got 3 bytes');
    expect(() => decodeSphinxFeatures(bytes, { dimension: 12 })).toThrow('to hold frames of 12 floats, got 39 floats');
    new DataView(bytes.buffer).setFloat32(8, NaN);
    expect(() => decodeSphinxFeatures(bytes)).toThrow('to hold finite values, got NaN at byte 8');
  });
});

describe('a manifest', () => {
  async function entries(text: string, onError?: (error: Error) => void): Promise<ManifestEntry[]> {
    const path = join(await folder(), 'm.jsonl');
    await writeFile(path, text);
    const found: ManifestEntry[] = [];
    for await (const entry of readManifest(path, { onError })) found.push(entry);
    return found.map((entry) => ({ ...entry, audioPath: entry.audioPath?.replace(path.replace('m.jsonl', ''), './') }));
  }

  test('gives its lines with paths joined to its folder', async () => {
    const text =
      '\uFEFF{"audio_filepath": "b/x.wav", "duration": 1.5, "text": "seven", "lang": "en"}\r\n\n{"feature_filepath": "/f.mfc"}';
    expect(await entries(text)).toEqual([
      { audioPath: './b/x.wav', duration: 1.5, text: 'seven', line: 1, extra: { lang: 'en' } },
      { featurePath: '/f.mfc', line: 3, extra: {} },
    ]);
  });

  test.each([
    ['{"audio_filepath": "x.wav"', 'to be a JSON object, got "{'],
    ['[1]', 'to be a JSON object, got [1]'],
    ['null', 'to be a JSON object, got null'],
    ['{"text": "a"}', 'to be an object with audio_filepath or feature_filepath, got ["text"]'],
    ['{"audio_filepath": 3}', 'to be an object whose audio_filepath is a string, got 3'],
    ['{"audio_filepath": "x", "duration": -1}', 'whose duration is a number of seconds, got -1'],
    [
      '{"audio_filepath": "x", "feature_filepath": "y"}',
      'to be an object with one of audio_filepath and feature_filepath',
    ],
  ])('with the line %s is refused by its number, or goes on past it', async (line, message) => {
    const good = '{"audio_filepath": "x.wav"}';
    const text = [good, line, good].join('\n');
    await expect(entries(text)).rejects.toThrow(message);
    await expect(entries(text)).rejects.toThrow(/^Expected line 2 of [^\n]+m\.jsonl to be/);
    const errors: string[] = [];
    const found = await entries(text, (error) => errors.push(error.message));
    expect(found.map((entry) => entry.line)).toEqual([1, 3]);
    expect(errors).toHaveLength(1);
  });

  test.each([
    ['{"audio_filepath": "x.wav", "text": "se\xFFven"}', '0xFF at byte 39'],
    ['{"audio_filepath": "x.wav", "text": "\xEF\xBF\xBD \xC3\xA9 \xEF\xBF"}', '0xEF at byte 44'],
    ['\xA0', '0xA0 at byte 0'],
  ])('with the bytes %j, which are not UTF-8, is refused by file and line, or goes on past it', async (line, got) => {
    const good = '\xEF\xBB\xBF{"audio_filepath": "\xC3\xA9.wav", "text": "\xE2\x80\xA8"}';
    const path = join(await folder(), 'm.jsonl');
    await writeFile(path, [good, line, good.slice(3)].join('\n'), 'latin1');
    const message = `Expected UTF-8 in ${path}, got ${got} of line 2; convert the file, for example with iconv`;
    const found: ManifestEntry[] = [];
    const read = async (onError?: (error: Error) => void): Promise<void> => {
      for await (const entry of readManifest(path, { onError })) found.push(entry);
    };
    await expect(read()).rejects.toThrow(message);
    const errors: string[] = [];
    await read((error) => errors.push(error.message));
    expect(errors).toEqual([message]);
    expect(found.map(({ line: number, text }) => [number, text])).toEqual([1, 1, 3].map((at) => [at, '\u2028']));
    expect(found[0].audioPath).toBe(join(path, '..', 'é.wav'));
  });

  test('that is not there is named', async () => {
    await expect(readManifest('/nowhere/m.jsonl').next()).rejects.toThrow(
      'Expected a manifest at /nowhere/m.jsonl, got nothing there',
    );
    await expect(readManifest(tmpdir()).next()).rejects.toThrow(`Expected a manifest at ${tmpdir()}, got a folder`);
    await expect(readManifest('x', { onError: 'skip' as never }).next()).rejects.toThrow(
      'Expected onError to be throw or a function',
    );
  });

  test('line is read as it was written, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.double({ min: 0, max: 1e6, noNaN: true }), (text, duration) => {
        const entry = { audioPath: '/data/set/x.wav', duration: duration + 0, text };
        const line = formatManifestLine(entry, '/data/m.jsonl');
        expect(line).not.toContain('\n');
        expect(JSON.parse(line).audio_filepath).toBe('set/x.wav');
        expect(parseManifestLine(line, '/data/m.jsonl', 7)).toEqual({ ...entry, line: 7, extra: {} });
      }),
    );
    expect(formatManifestLine({ featurePath: '/other/x.mfc' }, '/data/m.jsonl')).toBe(
      '{"feature_filepath":"/other/x.mfc"}',
    );
  });
});

describe('the cache of features', () => {
  async function setup(identity: 'time' | 'content' = 'time') {
    const place = await folder();
    const path = join(place, 'a.wav');
    await writeFile(path, 'sound');
    let made = 0;
    const make = () => {
      made++;
      return features;
    };
    const cache = (fingerprint = 'one') => new FeatureCache({ folder: join(place, 'cache'), fingerprint, identity });
    return { path, make, cache, count: () => made };
  }

  test('makes features once, for each configuration', async () => {
    const { path, make, cache, count } = await setup();
    expect(await cache().get(path, make)).toEqual(features);
    const second = cache();
    expect(await second.get(path, make)).toEqual(features);
    expect([second.hits, second.misses, count()]).toEqual([1, 0, 1]);
    await cache('two').get(path, make);
    expect(count()).toBe(2);
  });

  test('makes them again when the file has changed', async () => {
    const { path, make, cache, count } = await setup();
    await cache().get(path, make);
    await appendFile(path, '!');
    await cache().get(path, make);
    await utimes(path, 1, 1);
    await cache().get(path, make);
    expect(count()).toBe(3);
  });

  test('by content does not look at the time', async () => {
    const { path, make, cache, count } = await setup('content');
    await cache().get(path, make);
    await utimes(path, 1, 1);
    await cache().get(path, make);
    expect(count()).toBe(1);
    await writeFile(path, 'other');
    await cache().get(path, make);
    expect(count()).toBe(2);
  });

  test('makes damaged and cut entries again, and leaves no temporary files', async () => {
    const { path, make, cache, count } = await setup();
    await cache().get(path, make);
    const entry = await cache().entryPath(path);
    const whole = await readFile(entry);
    for (const length of [0, 10, 50, whole.length - 1]) {
      await writeFile(entry, whole.subarray(0, length));
      expect(await cache().get(path, make)).toEqual(features);
    }
    const flipped = Buffer.from(whole);
    flipped[60] ^= 1;
    await writeFile(entry, flipped);
    expect(await cache().get(path, make)).toEqual(features);
    expect(count()).toBe(6);
    expect((await readdir(join(entry, '..'))).every((name) => name.endsWith('.features'))).toBe(true);
  });

  test('keeps no entry of what failed, and names what is missing', async () => {
    const { path, make, cache } = await setup();
    await expect(cache().get(path, () => Promise.reject(new Error('bad sound')))).rejects.toThrow('bad sound');
    expect(await cache().get(path, make)).toEqual(features);
    await expect(cache().get(`${path}x`, make)).rejects.toThrow(`Expected a sound file at ${path}x, got nothing there`);
    const none = featureMatrix(new Float32Array(0), 13);
    const empty = cache('empty');
    for (let time = 0; time < 2; time++) expect(await empty.get(path, () => none)).toEqual(none);
    expect(empty.hits).toBe(1);
  });

  test('a fingerprint tells options apart, not their order', () => {
    const options = featurePreset('kaldi-mfcc', 8000);
    const reversed = Object.fromEntries(Object.entries(options).reverse()) as typeof options;
    expect(featureFingerprint(reversed)).toBe(featureFingerprint(options));
    expect(featureFingerprint(featurePreset('kaldi-mfcc', 8000, { mel: { bands: 24 } }))).not.toBe(
      featureFingerprint(options),
    );
  });
});
