import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { cadenzaSpeech } from './command.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
// Inside the package, so that the library's example finds the package by its name.
const folder = join(root, 'build/readme');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the README', () => {
  it('opens with commands that work as they stand', async () => {
    const phrase = 'apps/speech-recognition/data/phrase.wav'; // as seen from the root, where the README is followed
    cpSync(join(root, 'data/phrase.wav'), join(folder, phrase));
    const [, block] = /```sh\n([^]*?)```/.exec(readme)!;
    const commands = block.trim().split('\n');
    expect(commands).toHaveLength(3);
    for (const command of commands) {
      const words = command.split(' ');
      expect(words.splice(0, 2)).toEqual(['npx', 'cadenza-speech']);
      const result = await cadenzaSpeech(words, { cwd: folder });
      expect(result, command).toMatchObject({ code: 0 });
      if (words[0] === 'evaluate') expect(result.stdout).toMatch(/^part +WER .*\ntest +\d+\.\d\d %/);
    }
  });

  it('shows the library at work', () => {
    const [, code] = /```js\n([^]*?)```/.exec(readme)!;
    writeFileSync(join(folder, 'library.mjs'), code);
    const env = { ...process.env, FORCE_COLOR: '0' }; // a test runner may ask for colours
    const options = { cwd: folder, encoding: 'utf8', stdio: 'pipe', env } as const;
    expect(execFileSync(process.execPath, ['library.mjs'], options)).toMatch(/^heard: /m);
  });

  it('tells every verb that there is', async () => {
    const { stdout } = await cadenzaSpeech(['--help']);
    const verbs = [...stdout.slice(stdout.indexOf('Commands:')).matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb);
    expect(verbs).toEqual(['data', 'train', 'evaluate', 'transcribe', 'serve', 'inspect']);
    for (const verb of verbs) expect(readme).toContain(`| \`${verb}`);
  });
});
