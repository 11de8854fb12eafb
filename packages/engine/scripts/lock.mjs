/** A lock between processes: a file that holds the number of the process that has it. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const POLL_MILLISECONDS = 200;
/** No build takes so long: what is older was left behind, even if its process's number has been given to another since. */
const LIFETIME_MILLISECONDS = 3_600_000;

/** Runs a task while no other process runs one under the same file; what a process that is gone has left does not count. */
export async function withLock(file, task) {
  while (!take(file)) await setTimeout(POLL_MILLISECONDS);
  try {
    return await task();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (isLeftBehind(file)) rmSync(file, { force: true });
  return false;
}

function isLeftBehind(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > LIFETIME_MILLISECONDS) return true;
    const holder = Number(readFileSync(file, 'utf8'));
    // A container's processes have the same numbers at every start.
    if (holder === process.pid) return true;
    // Throws when there is no such process; 0, of a file whose number is yet to be written, is always there.
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}
