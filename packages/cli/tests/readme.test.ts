import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Writes the README's example beside the built package, which it imports by name. */
function example(): string {
  const [, code] = /```js\n([^]*?)```/.exec(readFileSync(path('README.md'), 'utf8'))!;
  mkdirSync(path('build'), { recursive: true });
  writeFileSync(path('build/readme.mjs'), code);
  return path('build/readme.mjs');
}

describe('the README’s example', () => {
  it('does what the README says', () => {
    const file = example();
    expect(
      execFileSync(process.execPath, [file, 'up', '--to', '4', '--json'], { encoding: 'utf8', stdio: 'pipe' }),
    ).toBe('{"sum":10}\n');
    const call = (...args: string[]) => spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' });
    expect(call('up', '--to', '11')).toMatchObject({ status: 2, stdout: '' });
    expect(call('up', '--to', '11').stderr).toContain('error: Expected --to to be at most 10, got 11\n');
    expect(call('up', '--tu', '4').stderr).toContain('(Did you mean --to?)');
  });
});
