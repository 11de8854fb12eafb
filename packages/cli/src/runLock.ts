import { randomBytes } from 'node:crypto';
import { copyFileSync, constants, linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '@cadenza/core';
import { identityOf, isAlive, type ProcessIdentity } from './processIdentity.js';

const lockName = 'run.lock';

/** Milliseconds for which a lock that cannot be read is taken to be one that is being written. */
const youth = 10_000;

/** True for the lock, and for what a process that was killed while it took one may leave beside it. */
export function isLockName(name: string): boolean {
  return name === lockName || name.startsWith(`${lockName}.`);
}

/** Refuses a folder that another process has locked and may be working in. */
export function checkUnlocked(directory: string): void {
  checkFree(join(directory, lockName), directory);
}

/**
 * Locks a folder for this process, or refuses because a process that lives has. Gives what unlocks it. The lock is written
 * completely under a name of its own and then linked to its place, so that of several processes one wins and none reads half.
 */
export function takeLock(directory: string): () => void {
  const lock = join(directory, lockName);
  const mine = JSON.stringify(identityOf(process.pid));
  take(lock, directory, mine);
  return () => removeOwn(lock, mine);
}

function take(lock: string, directory: string, mine: string): void {
  const own = `${lock}.${process.pid}-${randomBytes(4).toString('hex')}`;
  writeFileSync(own, mine, { flag: 'wx' });
  try {
    while (!linkNew(own, lock) && !replaceDead(lock, own, directory, mine));
  } finally {
    rmSync(own, { force: true });
  }
}

/** Gives a file a second name, if that is free. */
function linkNew(file: string, name: string): boolean {
  try {
    try {
      linkSync(file, name);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw error;
      copyFileSync(file, name, constants.COPYFILE_EXCL); // a file system without links
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Puts one's own lock in a dead one's place; false where that is gone. Who may do it is settled by a lock as well, so that of two
 * who found the same dead lock none replaces the other's new one.
 */
function replaceDead(lock: string, own: string, directory: string, mine: string): boolean {
  if (!checkFree(lock, directory)) return false;
  const guard = `${lock}.next`;
  take(guard, directory, mine);
  try {
    if (!checkFree(lock, directory)) return false;
    renameSync(own, lock);
    return true;
  } finally {
    removeOwn(guard, mine);
  }
}

/** Refuses a lock whose holder may live, unless this process holds it. False where there is no lock. */
function checkFree(lock: string, directory: string): boolean {
  const holder = readHolder(lock);
  if (holder === 'none') return false;
  if (holder === 'dead' || (holder !== 'starting' && (isOwn(holder) || !isAlive(holder)))) return true;
  const got = holder === 'starting' ? 'one that starts' : `process ${holder.pid} on ${holder.host}`;
  throw new InputError(
    `Expected no other training in the run, got ${got} working in ${directory}; ` +
      `wait for it or stop it (if it is gone, delete ${lockName})`,
  );
}

/** Who holds a lock. One that cannot be read is being written, or else dead. */
function readHolder(lock: string): ProcessIdentity | 'none' | 'starting' | 'dead' {
  try {
    const holder = parseHolder(readFileSync(lock, 'utf8'));
    return holder ?? (Date.now() - statSync(lock).mtimeMs < youth ? 'starting' : 'dead');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'none';
    throw error;
  }
}

function parseHolder(text: string): ProcessIdentity | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<ProcessIdentity>;
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host, started } : undefined;
  } catch {
    return undefined;
  }
}

function isOwn(holder: ProcessIdentity): boolean {
  const { pid, host, started } = identityOf(process.pid);
  return holder.pid === pid && holder.host === host && holder.started === started;
}

function removeOwn(lock: string, mine: string): void {
  try {
    if (readFileSync(lock, 'utf8') === mine) rmSync(lock, { force: true });
  } catch {
    // Already gone: nothing to give back.
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
