import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cadenzaText } from './command.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside the package, so that the library's example finds the package by its name.
const folder = join(root, 'build/readme');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the README', () => {
  it('opens with commands that work as they stand', async () => {
    const [, block] = /```sh\n([^]*?)```/.exec(readme)!;
    const commands = block.trim().split('\n');
    expect(commands).toHaveLength(3);
    for (const command of commands) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
      expect(words.splice(0, 2)).toEqual(['npx', 'cadenza-text']);
      const result = await cadenzaText(words, { cwd: folder });
      expect(result, command).toMatchObject({ code: 0 });
      if (words[0] === 'generate') expect(result.stdout).toMatch(/^dog: [^]{200}\n$/);
    }
  });

  it('shows the library at work', () => {
    const [, code] = /```js\n([^]*?)```/.exec(readme)!;
    writeFileSync(join(folder, 'library.mjs'), code);
    const printed = execFileSync(process.execPath, ['library.mjs'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    expect(printed.length).toBeGreaterThan(100);
    expect(printed).toContain('logProbability');
  });

  it('tells every verb and preset that there is', async () => {
    const { stdout } = await cadenzaText(['--help']);
    const verbs = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb);
    expect(verbs).toEqual(['data', 'train', 'evaluate', 'generate', 'score', 'chat', 'serve', 'inspect', 'export']);
    for (const verb of verbs) expect(readme).toContain(`| \`${verb}`);
    const presets = readdirSync(join(root, 'presets')).map((name) => name.replace(/\.json$/, ''));
    const [, told] = /`--preset` \(([^:]*): the JSON files in `presets\/`\)/.exec(readme)!;
    expect([...told.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort()).toEqual(presets.sort());
  });
});
