import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = createRequire(import.meta.url)('../../package.json') as { dependencies: Record<string, string> };
const npm = (args: string[], cwd: string): string =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: process.platform === 'win32',
  });

let project: string;

beforeAll(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'cadenza-standalone-')));
  // What `npm pack` packs: a fresh build of a copy, so that the test needs no earlier build and disturbs none.
  const copy = join(project, 'source');
  mkdirSync(copy);
  for (const name of ['src', 'package.json', 'README.md'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, '../../node_modules'), join(copy, 'node_modules'), 'junction');
  const require = createRequire(import.meta.url);
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const base = join(root, '../../tsconfig.base.json');
  const config = {
    extends: base,
    compilerOptions: { rootDir: 'src', outDir: 'dist', composite: false },
    include: ['src/**/*.ts'],
  };
  writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config));
  execFileSync(process.execPath, [compiler, '-p', copy], { stdio: 'pipe' });
  npm(['pack', '--ignore-scripts', '--pack-destination', project], copy);
  rmSync(copy, { recursive: true });

  // The dependencies are linked from here, so that the test needs no network; core itself comes out of the tarball.
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '@cadenza/core'), { recursive: true });
  mkdirSync(join(modules, '@tensorflow'));
  for (const name of Object.keys(manifest.dependencies)) {
    symlinkSync(realpathSync(join(root, '../../node_modules', name)), join(modules, name), 'junction');
  }
  const [tarball] = readdirSync(project).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['-xzf', join(project, tarball), '--strip-components=1', '-C', join(modules, '@cadenza/core')]);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'standalone', private: true, type: 'module' }));
  cpSync(join(root, 'examples/standalone.mjs'), join(project, 'standalone.mjs'));
}, 180_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('The packed tarball', () => {
  it('holds the build and the README and no sources', () => {
    const files = readdirSync(join(project, 'node_modules/@cadenza/core'));
    expect(files.sort()).toEqual(['README.md', 'dist', 'package.json']);
  });

  it('is all that another project needs to train a layer and use a language model', () => {
    const output = execFileSync(process.execPath, ['standalone.mjs'], {
      cwd: project,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const result = JSON.parse(output.trim().split('\n').at(-1)!) as {
      core: string;
      first: number;
      last: number;
      logits: number[];
      browser: boolean;
    };
    const installed = pathToFileURL(join(project, 'node_modules/@cadenza/core/')).href;
    expect(result.core.startsWith(installed)).toBe(true);
    expect(relative(project, fileURLToPath(result.core)).startsWith('..')).toBe(false);
    expect(result.last).toBeLessThan(0.8 * result.first);
    expect(result.logits).toEqual([1, 5]);
    expect(result.browser).toBe(true);
  });

  it('depends on TensorFlow.js alone', () => {
    expect(Object.keys(manifest.dependencies).every((name) => name.startsWith('@tensorflow/'))).toBe(true);
  });
});
