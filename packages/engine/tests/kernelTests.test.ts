import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isBuilt } from './onBoth.js';

const script = fileURLToPath(new URL('../scripts/testTargets.mjs', import.meta.url));

/** Runs a target's tests in C++ and gives its line; nothing is to be said on the standard error. */
function run(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: 'utf8' });
  return { status, stderr, line: stdout.trim() };
}

describe.skipIf(!isBuilt)('the kernels’ tests in C++', () => {
  it('pass with the compiler that built the addon', { timeout: 300_000 }, () => {
    const { status, line } = run('native');
    expect(line).toMatch(/^native: \d+ checks, 0 failed \(baseline/);
    expect(status).toBe(0);
  });

  it('pass under AddressSanitizer and UndefinedBehaviorSanitizer', { timeout: 600_000 }, ({ skip }) => {
    const { status, line } = run('address-baseline', '--', '--quick');
    skip(line.includes('skipped, '), line);
    expect(line).toMatch(/^address-baseline: \d+ checks, 0 failed \(baseline\)/);
    expect(status).toBe(0);
  });

  it('are not there for a target that is not, with the names of those that are', () => {
    const { status, stderr } = run('abacus');
    expect(stderr.trim()).toMatch(/^Expected a target to be one of native, .*neon.*, got abacus$/);
    expect(status).toBe(1);
  });

  it('say in one line which tool is missing, and succeed unless told to be strict', () => {
    const environment = { ...process.env, PATH: '/nowhere' };
    const lines = ['--strict', ''].map((option) => {
      const words = [script, 'neon', ...(option ? [option] : [])];
      const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', env: environment });
      return [status, stdout.trim()];
    });
    const line = 'neon: skipped, no aarch64-linux-gnu-g++ (Debian: g++-aarch64-linux-gnu qemu-user)';
    expect(lines).toEqual([
      [1, line],
      [0, line],
    ]);
  });
});
