import { execFileSync } from 'node:child_process';
import { closeSync, createWriteStream, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '@cadenza/core';
import { describe, expect, test } from 'vitest';
import { checkTextFile, readLines, readParallelCorpus } from '../../src/index.js';
import { testFolder } from '../folder.js';

const file = testFolder();
const text = 'a dog runs\ntwo cats\n';

async function linesAt(path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const lines of readLines(path)) all.push(...lines);
  return all;
}

/** What a shell's `<(command)` gives in the place of a file. */
function pipe(name: string, content: Uint8Array): string {
  const path = `${file(`${name}.beside`, '')}.fifo`;
  execFileSync('mkfifo', [path]);
  createWriteStream(path).end(content);
  return path;
}

describe.skipIf(process.platform === 'win32')('a pipe in the place of a file', () => {
  test('is read from its first byte, plain and compressed', async () => {
    expect(await linesAt(pipe('plain', Buffer.from(text)))).toEqual(['a dog runs', 'two cats']);
    expect(await linesAt(pipe('gzip', gzipSync(text)))).toEqual(['a dog runs', 'two cats']);
  });

  test('of one byte, or of none, is text', async () => {
    expect(await linesAt(pipe('one', Buffer.from('x')))).toEqual(['x']);
    expect(await linesAt(pipe('none', Buffer.from('')))).toEqual([]);
  });

  test('is waited for no longer than until the signal, whether or not somebody has it open', async () => {
    const path = `${file('held.beside', '')}.fifo`;
    execFileSync('mkfifo', [path]);
    const linesUntil = async (milliseconds: number): Promise<string[]> => {
      const all: string[] = [];
      const signal = AbortSignal.timeout(milliseconds);
      await expect(async () => {
        for await (const lines of readLines(path, signal)) all.push(...lines);
      }).rejects.toThrow(/aborted due to timeout/);
      return all;
    };
    if (process.platform === 'linux') expect(await linesUntil(50)).toEqual([]); // elsewhere opening waits
    const writer = openSync(path, 'r+');
    writeSync(writer, text);
    expect(await linesUntil(500)).toEqual(['a dog runs', 'two cats']);
    closeSync(writer);
  });

  test('is no corpus, which is read again when a training resumes', async () => {
    const path = `${file('corpus.beside', '')}.fifo`;
    execFileSync('mkfifo', [path]);
    await expect(readParallelCorpus({ path })).rejects.toThrow(
      `Expected a file that can be read again at ${path}, found a pipe: write its text to a file`,
    );
  });
});

describe('a check before the work', () => {
  test('tells a missing file and a folder from a text', async () => {
    const path = file('there.txt', text);
    expect((await checkTextFile(path)).size).toBe(text.length);
    const missing = checkTextFile(`${path}.no`);
    await expect(missing).rejects.toBeInstanceOf(InputError);
    await expect(missing).rejects.toThrow(`Expected a text file at ${path}.no, found nothing there`);
    await expect(checkTextFile(dirname(path))).rejects.toThrow(
      `Expected a text file at ${dirname(path)}, found a folder`,
    );
  });
});

test('a gzip file whose text is not UTF-8 is refused by its line, and reading may stop early', async () => {
  const path = file('latin1.gz', gzipSync(Buffer.from([0x61, 0x0a, 0xe9, 0x20])));
  await expect(linesAt(path)).rejects.toThrow(/Expected UTF-8 in .*latin1\.gz, got 0xE9 at byte 2 \(line 2\)/);
  const large = file('large.gz', gzipSync('line\n'.repeat(500_000)));
  for await (const lines of readLines(large)) {
    expect(lines[0]).toBe('line');
    break;
  }
});
