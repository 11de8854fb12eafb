import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells one process from another, also after its number was given to a new one. */
export interface ProcessIdentity {
  pid: number;
  host: string;
  /** Linux: the boot's id and the process's start in clock ticks; elsewhere absent, and the number alone must do. */
  started?: string;
}

export function identityOf(pid: number): ProcessIdentity {
  const started = startOf(pid);
  return { pid, host: hostname(), ...(started === undefined ? {} : { started }) };
}

/** True when the process that wrote `identity` still runs (a process on another host is taken to). */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true;
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = startOf(identity.pid); // undefined where another user's processes are hidden
  return identity.started === undefined || started === undefined || identity.started === started;
}

function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The fields after the last ")" start with number 3; the start time is number 22 (proc(5)).
    return `${boot}/${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}
