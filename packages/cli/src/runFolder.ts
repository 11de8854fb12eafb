import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from '@cadenza/core';
import { checkUnlocked, isLockName, takeLock } from './runLock.js';

/** The right to write into a run folder, held by one process at a time. */
export interface RunClaim {
  readonly directory: string;
  /** Gives the folder back. With `discard` the files of a new run are removed, so that a failed start leaves nothing. */
  release(options?: { discard?: boolean }): void;
}

/** True when the folder holds a run. */
export function isRun(directory: string): boolean {
  return existsSync(join(directory, 'config.json'));
}

export interface RunFolderOptions {
  /** Go on with a run that is there, or make a new one. */
  resume: boolean;
  /** Files that a new run begins with: a start that was killed may have left them, and they count for nothing. */
  leftovers?: readonly string[];
}

/** Refuses a folder that cannot hold a new run or, with `resume`, holds none to go on with. Changes nothing. */
export function checkRunFolder(directory: string, { resume, leftovers = [] }: RunFolderOptions): void {
  if (!existsSync(directory)) {
    if (resume) throw new InputError(`Expected --run to be a run to resume, got nothing there: ${directory}`);
    return;
  }
  if (!statSync(directory).isDirectory())
    throw new InputError(`Expected --run to be a folder, got a file: ${directory}`);
  checkUnlocked(directory);
  if (isRun(directory)) {
    if (resume) return;
    throw new InputError(
      `Expected --run to be a new folder, got an existing run: ${directory}; add --resume to continue it, or name another folder`,
    );
  }
  if (resume)
    throw new InputError(`Expected --run to be a run to resume, got a folder without config.json: ${directory}`);
  if (readdirSync(directory).some((name) => !isLockName(name) && !leftovers.includes(name))) {
    throw new InputError(`Expected --run to be a new or empty folder, got one with other files: ${directory}`);
  }
}

/** Takes the folder for this process (making it for a new run), or refuses because a training that lives has it. */
export function claimRun(directory: string, options: RunFolderOptions): RunClaim {
  checkRunFolder(directory, options);
  const made = makeFolders(directory);
  let release: () => void;
  try {
    release = takeLock(directory);
  } catch (error) {
    removeEmpty(made);
    throw error;
  }
  process.on('exit', release);
  return {
    directory,
    release({ discard = false } = {}) {
      const discards = discard && !options.resume;
      if (discards) removeRunFiles(directory, options.leftovers);
      process.off('exit', release);
      release();
      if (discards) removeEmpty(made);
    },
  };
}

/** Makes a folder and those above it. Gives the ones that were not there, the deepest first. */
function makeFolders(directory: string): string[] {
  const first = mkdirSync(directory, { recursive: true });
  if (first === undefined) return [];
  const made = [directory];
  while (made.at(-1)!.length > first.length) made.push(dirname(made.at(-1)!));
  return made;
}

/** What a training writes of its own before its first step; then what makes the folder a run. */
const writtenNames = [/^(metrics\.jsonl|checkpoints|events\.out\.tfevents\..*)$/, /^config\.json$/];

/** Removes a new run's files, those that it begins with last: so a kill in between leaves a run or an empty start. */
function removeRunFiles(directory: string, leftovers: readonly string[] = []): void {
  const names = readdirSync(directory);
  const own = [
    ...writtenNames.flatMap((pattern) => names.filter((name) => pattern.test(name))),
    ...leftovers.filter((name) => names.includes(name)),
  ];
  for (const name of own) {
    const path = join(directory, name);
    if (name === 'checkpoints') removeEmpty([path]);
    else rmSync(path, { force: true });
  }
}

/** Removes folders, each inside the next, as far as nothing is in them. */
function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      return; // someone else works there
    }
  }
}
