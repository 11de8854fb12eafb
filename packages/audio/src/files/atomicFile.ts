import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { InputError } from '@cadenza/core';

/** One line for a file that cannot be read. */
export function fileProblem(wanted: string, path: string, cause: NodeJS.ErrnoException): InputError {
  const found: Record<string, string> = {
    ENOENT: 'nothing there',
    EISDIR: 'a folder',
    ENOTDIR: 'a file where a folder belongs on the way',
    EACCES: 'a file that may not be read',
    EPERM: 'a file that may not be read',
  };
  const got = found[cause.code ?? ''] ?? cause.message;
  return new InputError(`Expected ${wanted} at ${path}, got ${got}`, { code: cause.code ?? 'INPUT', cause });
}

/** Writes a file beside its place, makes the disk keep it, and moves it there: the place has the old or the new, whole. */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
