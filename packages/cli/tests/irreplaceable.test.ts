import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointError } from '@cadenza/core';
import { expect, it, vi } from 'vitest';
import { writeOutputFile } from '../src/outputFile.js';

// A file that is mounted by itself, as into a container: whoever runs these tests may not be able to make one.
vi.mock('@cadenza/core', async (original) => ({
  ...(await original<typeof import('@cadenza/core')>()),
  replaceFile: (_: unknown, path: string) => {
    const cause = Object.assign(new Error('EBUSY: resource busy or locked'), { code: 'EBUSY' });
    throw new CheckpointError(`Expected to write ${path}, got EBUSY`, { code: 'EBUSY', cause });
  },
}));

it('writes a file as it stands that cannot be replaced, and makes none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-output-'));
  const file = join(folder, 'there');
  writeFileSync(file, 'before, and longer');
  writeOutputFile(file, 'after');
  expect(readFileSync(file, 'utf8')).toBe('after');
  expect(() => writeOutputFile(join(folder, 'new'), 'x')).toThrow('got EBUSY');
});
