import { spawnSync } from 'node:child_process';
import { constants, lstatSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultFileSystem, replaceFile } from '../../src/index.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'cadenza-files-'));
const replace = (path: string, text: string): void => replaceFile(defaultFileSystem, path, text);

describe('replaceFile', () => {
  it('replaces what links lead to, and keeps the links', () => {
    const place = folder();
    mkdirSync(join(place, 'far'));
    writeFileSync(join(place, 'far', 'text'), 'old');
    symlinkSync('far/text', join(place, 'first'));
    symlinkSync('first', join(place, 'second'));
    symlinkSync('far/new', join(place, 'dangling'));
    replace(join(place, 'second'), 'new');
    replace(join(place, 'dangling'), 'newer');
    expect(readFileSync(join(place, 'far', 'text'), 'utf8')).toBe('new');
    expect(readFileSync(join(place, 'far', 'new'), 'utf8')).toBe('newer');
    for (const name of ['first', 'second', 'dangling'])
      expect(lstatSync(join(place, name)).isSymbolicLink()).toBe(true);
    expect(readdirSync(place).sort()).toEqual(['dangling', 'far', 'first', 'second']);
  });

  it.skipIf(spawnSync('mkfifo', ['--version']).status !== 0)('writes to a pipe as it is', () => {
    const pipe = join(folder(), 'pipe');
    spawnSync('mkfifo', [pipe]);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    replace(pipe, 'text');
    const read = Buffer.alloc(9);
    expect(read.toString('utf8', 0, readSync(reader, read))).toBe('text');
    expect(statSync(pipe).isFIFO()).toBe(true);
  });
});
