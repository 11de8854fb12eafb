import { mkdirSync, mkdtempSync, rmSync, type Dirent } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { filesBelow, readCorpus } from '../src/index.js';

// Whoever runs these tests may read every folder, so the system's answer for a closed one is given here.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const readdir = (path: string, options: { withFileTypes: true }): Promise<Dirent[]> =>
    path.endsWith('closed')
      ? Promise.reject(Object.assign(new Error(`EACCES: permission denied, scandir '${path}'`), { code: 'EACCES' }))
      : real.readdir(path, options);
  return { ...real, readdir };
});

test('a folder below that may not be read is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-closed-'));
  const closed = join(folder, 'closed');
  mkdirSync(closed);
  try {
    await expect(readCorpus(folder)).rejects.toThrow(
      `Expected a folder at ${closed}, which may not be read: permission denied`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the first folder is named as it was given', async () => {
  const told: string[] = [];
  const files = await filesBelow('./nowhere/../closed', { onUnreadable: (path) => void told.push(path) });
  expect([files, told]).toEqual([[], ['./nowhere/../closed']]);
});
