import { CadenzaError, CheckpointError, ConfigError, InputError } from '@cadenza/core';

/** Exit codes of every command: the call was wrong is told apart from the work failed. */
export const exitCodes = { done: 0, failed: 1, wrongCall: 2, interrupted: 130 } as const;

/** Errors of the operating system that the user, not the program, has to mend: a full disk, a path without permission. */
const wrongPathCodes = new Set([
  'ENOSPC',
  'EDQUOT',
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOENT',
  'EISDIR',
  'ENOTDIR',
  'EEXIST',
]);

/** The system error's code at the bottom of a chain of causes, if there is one. */
function systemCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code !== undefined && wrongPathCodes.has(code)) return code;
  }
  return undefined;
}

/** The exit code that an error leads to. */
export function exitCodeOf(error: unknown): number {
  // What a user can mend by calling differently: bad input, a wrong option, a run that cannot be read.
  if (error instanceof InputError || error instanceof ConfigError || error instanceof CheckpointError) {
    return exitCodes.wrongCall;
  }
  return systemCode(error) === undefined ? exitCodes.failed : exitCodes.wrongCall;
}

const systemMessages: Record<string, string> = {
  ENOSPC: 'Expected space on the disk, got a full one',
  EDQUOT: 'Expected space on the disk, got a full quota',
  EACCES: 'Expected permission to use the path, got none',
  EPERM: 'Expected permission to use the path, got none',
  EROFS: 'Expected a disk that can be written, got a read-only one',
  ENOENT: 'Expected the path to exist, got nothing there',
  EISDIR: 'Expected a file, got a directory',
  ENOTDIR: 'Expected a directory, got a file',
  EEXIST: 'Expected the path to be free, got something there',
};

/** One line for people that says what went wrong; the causes' stack traces are for `--debug`. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = error instanceof CadenzaError ? undefined : systemCode(error);
  const path = (error as NodeJS.ErrnoException).path;
  const text = code === undefined ? error.message : systemMessages[code] + (path === undefined ? '' : `: ${path}`);
  // Not by a regular expression: white space in what was got takes it the square of its length.
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '').join(' ');
}
