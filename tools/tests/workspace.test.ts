import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandScript, projects, readJson, workspaceRoot } from '../scripts/workspace.mjs';

/** What a lock file says of one package, as far as it is looked at here. */
interface LockedPackage {
  resolved?: string;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
  hasInstallScript?: boolean;
  os?: string[];
}

const all = projects();

describe('the workspace', () => {
  it('has short names for its projects', () => {
    const names = all.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['core', 'engine', 'text', 'cli', 'text-generation', 'tools']));
    expect(new Set(names).size).toBe(names.length);
  });

  it('builds every package and app from the root', () => {
    const references = readJson(join(workspaceRoot, 'tsconfig.json')).references.map(
      ({ path }: { path: string }) => path,
    );
    const built = all.filter(({ manifest }) => manifest.scripts?.build?.startsWith('tsc -b'));
    expect(references.map((path: string) => join(workspaceRoot, path)).sort()).toEqual(
      built.map(({ folder }) => folder).sort(),
    );
  });

  it('has a lock file that names no registry and every optional platform package', () => {
    const lock = readJson(join(workspaceRoot, 'package-lock.json')).packages as Record<string, LockedPackage>;
    const missing: string[] = [];
    for (const [path, entry] of Object.entries(lock)) {
      expect(entry.resolved ?? '', path).not.toMatch(/^https?:/);
      for (const name of Object.keys(entry.optionalDependencies ?? {})) {
        const parents = path
          .split('/node_modules/')
          .map((_, index, parts) => parts.slice(0, index + 1).join('/node_modules/'));
        const places = ['', ...parents.map((parent) => `${parent}/`)].map((parent) => `${parent}node_modules/${name}`);
        if (!places.some((place) => lock[place])) missing.push(`${path} > ${name}`);
      }
    }
    expect(missing).toEqual([]);
    expect(lock['node_modules/@tensorflow/tfjs-node']?.optional).toBe(true);
  });

  it('refuses every dependency’s install script', () => {
    const lock = readJson(join(workspaceRoot, 'package-lock.json')).packages as Record<string, LockedPackage>;
    const { allowScripts } = readJson(join(workspaceRoot, 'package.json'));
    const scripted = Object.entries(lock).filter(([, entry]) => entry.hasInstallScript);
    for (const [path, entry] of scripted) {
      // The engine's own builds where it is a dependency of another project.
      if (!path.includes('node_modules/')) continue;
      // A package that is never installed here, such as fsevents, is not asked about.
      if (entry.os && !entry.os.includes('linux')) continue;
      expect(allowScripts[path.split('node_modules/').at(-1)!], path).toBe(false);
    }
  });

  it('finds the script behind a command', () => {
    expect(existsSync(commandScript('nx'))).toBe(true);
    expect(existsSync(commandScript('prettier'))).toBe(true);
  });

  it('runs in continuous integration what the README tells', () => {
    const told = 'npm ci && npm test';
    expect(
      readFileSync(join(workspaceRoot, '.ci', 'run'), 'utf8')
        .trim()
        .split('\n')
        .at(-1),
    ).toBe(told);
    expect(readFileSync(join(workspaceRoot, 'README.md'), 'utf8')).toContain(told);
  });
});
