import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@cadenza/core';
import { identityOf, isAlive, type ProcessIdentity } from './processIdentity.js';

const lockName = 'run.lock';

/** The right to write into a run folder, held by one process at a time. */
export interface RunClaim {
  readonly directory: string;
  /** Gives the folder back. With `discard` a new run is removed again, so that a failed start leaves nothing. */
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
  if (readdirSync(directory).some((name) => name !== lockName && !leftovers.includes(name))) {
    throw new InputError(`Expected --run to be a new or empty folder, got one with other files: ${directory}`);
  }
}

/** Takes the folder for this process (making it for a new run), or refuses because a training that lives has it. */
export function claimRun(directory: string, options: RunFolderOptions): RunClaim {
  checkRunFolder(directory, options);
  const created = mkdirSync(directory, { recursive: true });
  const lock = join(directory, lockName);
  const mine = JSON.stringify(identityOf(process.pid));
  try {
    takeLock(directory, lock, mine);
  } catch (error) {
    if (created !== undefined) rmSync(created, { recursive: true, force: true });
    throw error;
  }
  const onExit = (): void => removeOwn(lock, mine);
  process.on('exit', onExit);
  return {
    directory,
    release({ discard = false } = {}) {
      process.off('exit', onExit);
      removeOwn(lock, mine);
      if (!discard || options.resume) return;
      if (created !== undefined) rmSync(created, { recursive: true, force: true });
      else for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true, force: true });
    },
  };
}

/** Writes the lock if it is free; a dead process's lock is put aside first. The write is exclusive, so one of two wins. */
function takeLock(directory: string, lock: string, mine: string): void {
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(lock, mine, { flag: 'wx' });
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 2) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(lock, { force: true });
        throw error;
      }
    }
    checkUnlocked(directory);
    const aside = `${lock}.${process.pid}`;
    try {
      renameSync(lock, aside);
      const holder = readHolder(aside);
      // Another process may have taken the dead lock's place in between: it gets its lock back.
      if (holder !== undefined && holder.pid !== process.pid && isAlive(holder)) renameSync(aside, lock);
      else rmSync(aside, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function checkUnlocked(directory: string): void {
  const holder = readHolder(join(directory, lockName));
  if (holder === undefined || holder.pid === process.pid || !isAlive(holder)) return;
  throw new InputError(
    `Expected no other training in the run, got process ${holder.pid} on ${holder.host} working in ${directory}; ` +
      `wait for it or stop it (if it is gone, delete ${lockName})`,
  );
}

function readHolder(lock: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(lock, 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

function removeOwn(lock: string, mine: string): void {
  try {
    if (readFileSync(lock, 'utf8') === mine) rmSync(lock, { force: true });
  } catch {
    // Already gone: nothing to give back.
  }
}
