import { InputError } from '@cadenza/core';

/** The one-line error for a file that cannot be read: what was expected at its path, and what was found there. */
export function fileError(path: string, wanted: string, cause: NodeJS.ErrnoException): InputError {
  const found: Record<string, string> = {
    ENOENT: 'found nothing there',
    ENOTDIR: 'found a file where a folder belongs on the way',
    EISDIR: 'found a folder',
    EACCES: 'which may not be read: permission denied',
    EPERM: 'which may not be read: permission denied',
  };
  const got = found[cause.code ?? ''] ?? `which cannot be read: ${cause.message}`;
  return new InputError(`Expected ${wanted} at ${path}, ${got}`, { code: cause.code ?? 'INPUT', cause });
}
