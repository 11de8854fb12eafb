import { describe, expect, it } from 'vitest';
import { identityOf, isAlive } from '../src/processIdentity.js';

describe('isAlive', () => {
  const own = identityOf(process.pid);

  it('knows a process by its number, and by its start where the system tells it', () => {
    expect(isAlive(own)).toBe(true);
    expect(isAlive({ ...own, pid: 2 ** 30 })).toBe(false);
    expect(isAlive({ ...own, started: own.started && 'another boot/1' })).toBe(own.started === undefined);
  });

  it('takes one on another host to live', () => {
    expect(isAlive({ ...own, pid: 2 ** 30, host: 'elsewhere' })).toBe(true);
  });
});
