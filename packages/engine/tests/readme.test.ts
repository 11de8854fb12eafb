import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isBuilt } from './onBoth.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map((match) => match[1]);

/** Runs an example and returns what it logged. */
async function run(example: string, name: string): Promise<unknown[][]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const folder = new URL('../reports/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.mjs`, folder);
  writeFileSync(file, example);
  await import(/* @vite-ignore */ file.href);
  return log.mock.calls;
}

describe('the README', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('opens with an example', () => expect(readme.indexOf('```js')).toBeLessThan(400));

  it.skipIf(!isBuilt)('registers the backend in a TensorFlow.js program', async () => {
    expect(await run(examples[0], 'readme-register')).toEqual([[[2, 4], 3]]);
  });

  it('chooses a backend', async () => {
    const [[line]] = await run(examples[1], 'readme-select');
    expect(line).toMatch(/^backend (native|tensorflow|wasm|cpu): /);
  });

  it('names every variable that the package reads', () => {
    const files = ['src', 'scripts'].flatMap((folder) =>
      readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
    );
    const names = new Set(files.flatMap((text) => [...text.matchAll(/\benv\.([A-Z_]+)/g)].map(([, name]) => name)));
    expect([...names]).toEqual(expect.arrayContaining(['CXX', 'CADENZA_NATIVE', 'CADENZA_ISA']));
    for (const name of names) expect(readme).toContain(`\`${name}`);
  });
});
