import { accessSync, constants, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultFileSystem, InputError, replaceFile, type CheckpointError } from '@cadenza/core';

/** Refuses, before the work begins, a path to which its result could not be written in the end; `flag` is what named it. */
export function checkOutputFile(flag: string, path: string): void {
  const refuse = (got: string, cause?: unknown): never => {
    throw new InputError(`Expected ${flag} to be a file that can be written, got ${got}: ${path}`, { cause });
  };
  const folder = dirname(resolve(path));
  if (path === '') refuse('an empty name');
  if (!existsSync(folder)) refuse('one in a folder that is not there');
  if (!statSync(folder).isDirectory()) refuse('one in a file');
  const there = existsSync(path);
  if (there && statSync(path).isDirectory()) refuse('a folder');
  try {
    accessSync(there ? path : folder, constants.W_OK);
  } catch (cause) {
    refuse('no permission', cause);
  }
}

/** Where `inspect` writes its page: where `--output` says, else into the run's folder. Refused where it could not be written in the end. */
export function placeOfPage(output: string | undefined, run: string): string {
  const path = resolve(output ?? join(run, 'inspect.html'));
  checkOutputFile(output === undefined ? 'the page' : '--output', path);
  return path;
}

/** Refuses a path that is no place for a folder of a command's own, which is a new or an empty one; `flag` is what named it. */
export function checkOutputFolder(flag: string, path: string): void {
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory()) throw new InputError(`Expected ${flag} to be a folder, got a file: ${path}`);
  if (readdirSync(path).length > 0) {
    throw new InputError(`Expected ${flag} to be a new or empty folder, got one with files: ${path}`);
  }
}

/** What stands between a file that may be written and a new one in its place: a closed folder, or a file that is mounted by itself. */
const irreplaceable = ['EACCES', 'EPERM', 'EBUSY', 'EXDEV'];

/**
 * Writes a result to the file that the user named for it: whoever reads it, at any instant, sees the old text or the new one. A file
 * that cannot be replaced is written as it stands.
 */
export function writeOutputFile(path: string, text: string): void {
  try {
    replaceFile(defaultFileSystem, path, text);
  } catch (cause) {
    if (existsSync(path) && irreplaceable.includes((cause as CheckpointError).code)) {
      try {
        writeFileSync(path, text);
        return;
      } catch {
        // What stood in the way first is the reason.
      }
    }
    throw new InputError((cause as Error).message, { cause });
  }
}
