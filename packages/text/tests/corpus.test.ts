import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { InputError } from '@cadenza/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { gunzipWhole } from '../src/gzip.js';
import { readCorpus, readCorpusFromStream, readTextFile } from '../src/index.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'cadenza-corpus-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};

test('a file is read with its fingerprint, without its byte order mark', async () => {
  const path = write('a.txt', '\uFEFFÉtude\n');
  const corpus = await readCorpus(path);
  expect(corpus.text).toBe('Étude\n');
  expect(corpus.files).toEqual([{ path, bytes: 10 }]);
  expect(corpus.fingerprint).toBe(createHash('sha256').update('Étude\n').digest('hex'));
});

test('a folder is read recursively, sorted by path, its .txt files joined by a line end', async () => {
  write('b.txt', 'second');
  write('a/z.txt', 'first');
  write('c/deep/er.txt', 'third');
  write('notes.md', 'left out');
  write('.hidden.txt', 'left out');
  symlinkSync('..', join(folder, 'c', 'loop'));
  symlinkSync('nowhere.txt', join(folder, 'dangling.txt'));
  const corpus = await readCorpus(folder);
  expect(corpus.text).toBe('first\nsecond\nthird');
  expect(corpus.files).toHaveLength(3);
});

test('extensions and separator are the caller’s to choose', async () => {
  write('a.txt', 'a');
  write('b.md', 'b');
  write('c.rst', 'c');
  expect((await readCorpus(folder, { extensions: ['*.md', 'rst'], separator: 'blank-line' })).text).toBe('b\n\nc');
  expect((await readCorpus(folder, { extensions: ['*'], separator: 'none' })).text).toBe('abc');
  await expect(readCorpus(folder, { separator: 'tab' as 'none' })).rejects.toThrow(
    'Expected separator to be one of none, newline, blank-line, got "tab"',
  );
});

test('Windows line ends become line feeds, or are kept when asked', async () => {
  const path = write('a.txt', 'a\r\nb');
  expect((await readCorpus(path)).text).toBe('a\nb');
  expect((await readCorpus(path, { lineEnds: 'keep' })).text).toBe('a\r\nb');
});

test('a stream is read whole, even where a chunk ends within a character', async () => {
  const bytes = Buffer.from('a🙂b');
  const corpus = await readCorpusFromStream(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]), 'standard input');
  expect(corpus.text).toBe('a🙂b');
});

test('what is missing, empty, a folder or not UTF-8 is refused in one line that names it', async () => {
  const missing = join(folder, 'missing.txt');
  await expect(readCorpus(missing)).rejects.toThrow(
    `Expected a text file or a folder at ${missing}, found nothing there`,
  );
  const empty = write('empty.txt', '');
  await expect(readCorpus(empty)).rejects.toThrow(`Expected text in ${empty}, got nothing: it is empty`);
  await expect(readTextFile(folder)).rejects.toThrow(`Expected a text file at ${folder}, found a folder`);
  const broken = write('broken.txt', Uint8Array.of(0x61, 0xff));
  await expect(readCorpus(broken)).rejects.toThrow(`Expected UTF-8 in ${broken}, got 0xFF at byte 1 (line 1)`);
  await expect(readCorpus(join(empty, 'below.txt'))).rejects.toThrow('found a file where a folder belongs on the way');
  const folderOfOthers = join(folder, 'others');
  write('others/a.md', 'a');
  await expect(readCorpus(folderOfOthers)).rejects.toThrow(
    `Expected files ending in .txt in ${folderOfOthers}, got 1 other file`,
  );
});

test('one file is read as a text', async () => {
  expect(await readTextFile(write('prompt.txt', 'Once\r\n'))).toBe('Once\n');
});

test('a gzip file that unpacks to more than an array holds is refused as that, not as a damaged one', async () => {
  const bytes = gzipSync('a'.repeat(1000));
  expect(await gunzipWhole(bytes, 'a.gz', 1000)).toHaveLength(1000);
  await expect(gunzipWhole(bytes, 'a.gz', 999)).rejects.toThrow(
    new InputError('Expected at most 999 bytes of text in the gzip file a.gz, got more; split it', { code: 'GZIP' }),
  );
});

test('what is compressed by gzip is read as the text it was, whatever its name', async () => {
  const plain = await readCorpus(write('a.txt', 'Étude\n'));
  const zipped = gzipSync('Étude\n');
  const path = write('b.txt', zipped);
  const corpus = await readCorpus(path);
  expect(corpus).toEqual({ ...plain, files: [{ path, bytes: zipped.length }] });
  expect(await readTextFile(path)).toBe('Étude\n');
  expect((await readCorpusFromStream(Readable.from([zipped]), 'standard input')).text).toBe('Étude\n');
  const cut = write('cut.gz', zipped.subarray(0, -9));
  await expect(readCorpus(cut)).rejects.toThrow(`Expected a whole gzip file at ${cut}, got a damaged one`);
});
