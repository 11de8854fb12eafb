import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { checkOutputFile, checkOutputFolder, writeOutputFile } from '../src/index.js';

describe('checkOutputFile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-output-'));
  const there = join(folder, 'there');
  writeFileSync(there, 'before');

  it('takes a new file, one that is there, and a device, and makes nothing', () => {
    for (const path of [join(folder, 'new'), there, '/dev/null']) checkOutputFile('--save', path);
    expect(readdirSync(folder)).toEqual(['there']);
  });

  it('is what writeOutputFile can write to, which leaves nothing beside it', () => {
    writeOutputFile(there, 'after\n');
    expect(readFileSync(there, 'utf8')).toBe('after\n');
    expect(readdirSync(folder)).toEqual(['there']);
    expect(() => writeOutputFile(join(folder, 'nowhere', 'file'), '')).toThrow(InputError);
  });

  it('refuses what no file can be written to, and says why', () => {
    mkdirSync(join(folder, 'inner'), { recursive: true });
    const cases = [
      ['', 'an empty name'],
      [join(folder, 'inner'), 'a folder'],
      [join(folder, 'nowhere', 'file'), 'one in a folder that is not there'],
      [join(there, 'file'), 'one in a file'],
    ];
    for (const [path, got] of cases) {
      const message = `Expected --save to be a file that can be written, got ${got}: ${path}`;
      expect(() => checkOutputFile('--save', path)).toThrow(message);
    }
  });
});

describe('checkOutputFolder', () => {
  it('takes a new folder and an empty one, and refuses what holds anything', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cadenza-output-'));
    const check = (path: string) => () => checkOutputFolder('--output', path);
    for (const path of [folder, join(folder, 'new')]) expect(check(path)).not.toThrow();
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(check(file)).toThrow(`Expected --output to be a folder, got a file: ${file}`);
    expect(check(folder)).toThrow(`Expected --output to be a new or empty folder, got one with files: ${folder}`);
  });
});
