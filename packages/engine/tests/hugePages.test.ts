import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { isBuilt } from './onBoth.js';

const addonFile = fileURLToPath(new URL('../build/cadenza.node', import.meta.url));

/** Whether Linux gives huge pages to who asks for them. */
function hasHugePages(): boolean {
  try {
    return !readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').includes('[never]');
  } catch {
    return false;
  }
}

describe.skipIf(!isBuilt || !hasHugePages())('huge pages (where transparent huge pages are not switched off)', () => {
  /** The resident and the huge bytes by which a process grew, over `setup` and then `work`. */
  function growth(setup: string, work: string): { resident: number; huge: number } {
    const program = `
      const addon = require(${JSON.stringify(addonFile)});
      addon.setThreads(1);
      const memory = () => {
        const rollup = require('node:fs').readFileSync('/proc/self/smaps_rollup', 'utf8');
        const bytes = (name) => Number(rollup.match(new RegExp('^' + name + ': *([0-9]+) kB', 'm'))[1]) * 1024;
        return { resident: bytes('Rss'), huge: bytes('AnonHugePages') };
      };
      ${setup}
      const before = memory();
      ${work}
      const after = memory();
      console.log(JSON.stringify({ resident: after.resident - before.resident, huge: after.huge - before.huge }));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as { resident: number; huge: number };
  }
  const MIB = 2 ** 20;

  it('back the memory of large tensors', () => {
    const { resident, huge } = growth(
      'const buffer = new ArrayBuffer(64 * 2 ** 20); addon.prepareMemory(buffer);',
      'new Float32Array(buffer).fill(1);',
    );
    expect(resident).toBeGreaterThan(60 * MIB);
    // The system may be short of some; the ends of the buffer are not aligned.
    expect(huge).toBeGreaterThan(16 * MIB);
  });

  it('back the large scratch memory of kernels', () => {
    // The mask is as large as x.
    const { huge } = growth(
      'const n = 2 ** 24; const [x, y] = [new Float32Array(n).fill(1), new Float32Array(n).fill(1)];',
      'addon.lockedDropout(2 ** 12, 1, 2 ** 12, x, 0.5, 1, 2, y);',
    );
    expect(huge).toBeGreaterThan(16 * MIB);
  });
});
