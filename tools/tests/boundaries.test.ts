import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createProjectGraphAsync } from '@nx/devkit';
import { ESLint, type Linter } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';
import { workspaceRoot } from '../scripts/workspace.mjs';

const rule = '@nx/enforce-module-boundaries';
const configuration = pathToFileURL(join(workspaceRoot, 'eslint.config.mjs')).href;
const { layerConstraints } = (await import(configuration)) as {
  layerConstraints: { sourceTag: string; onlyDependOnLibsWithTags: string[] }[];
};

/**
 * Lints a file that would stand at `path`, with the repository's own configuration and project graph. The text is given
 * to ESLint under that name and never written, so nothing can be left behind and no other task meets it.
 */
async function boundaryErrors(path: string, text: string, overrideConfig: Linter.Config[] = []): Promise<string[]> {
  const filePath = join(workspaceRoot, path);
  expect(existsSync(filePath)).toBe(false);
  const eslint = new ESLint({ cwd: workspaceRoot, overrideConfig });
  const [result] = await eslint.lintText(text, { filePath });
  expect(result?.messages.filter((message) => message.fatal)).toEqual([]);
  return (result?.messages ?? []).filter((message) => message.ruleId === rule).map((message) => message.message);
}

/** The repository's rule with cycles between these two projects let through, so that only the layers speak. */
function allowingCycle(from: string, to: string): Linter.Config[] {
  const options = { depConstraints: layerConstraints, ignoredCircularDependencies: [[from, to]] };
  return [{ files: ['**/*.ts'], rules: { [rule]: ['error', options] } }];
}

describe('module boundaries', () => {
  // The rule is silent without a project graph; a run through Nx has one, a run of this file alone makes it.
  beforeAll(async () => {
    const graph = await createProjectGraphAsync({ exitOnError: false });
    expect(Object.keys(graph.nodes)).toEqual(expect.arrayContaining(['core', 'text', 'engine', 'cli']));
  });

  it('allow imports downward', async () => {
    expect(await boundaryErrors('packages/text/src/probe.ts', "export * from '@cadenza/core';")).toEqual([]);
    expect(await boundaryErrors('packages/engine/src/probe.ts', "export * from '@cadenza/core';")).toEqual([]);
    const app = "export * from '@cadenza/text'; export * from '@cadenza/engine'; export * from '@cadenza/cli';";
    expect(await boundaryErrors('apps/text-generation/src/probe.ts', app)).toEqual([]);
  });

  it('forbid an upward import from core', async () => {
    const text = "export * from '@cadenza/text';";
    expect(await boundaryErrors('packages/core/src/probe.ts', text)).toHaveLength(1);
    const [message] = await boundaryErrors('packages/core/src/probe.ts', text, allowingCycle('core', 'text'));
    expect(message).toContain('A project tagged with "layer:core"');
  });

  it('forbid an upward import from a package to an app', async () => {
    const text = "export * from '@cadenza/text-generation';";
    const cycle = allowingCycle('text', 'text-generation');
    expect(await boundaryErrors('packages/text/src/probe.ts', text)).toHaveLength(1);
    const [message] = await boundaryErrors('packages/text/src/probe.ts', text, cycle);
    expect(message).toBe('A project tagged with "layer:domain" can only depend on libs tagged with "layer:core"');
  });

  it.each([
    ['packages/text/src/probe.ts', '@cadenza/engine', 'layer:domain'],
    ['packages/text/src/probe.ts', '@cadenza/cli', 'layer:domain'],
    ['packages/cli/src/probe.ts', '@cadenza/text', 'layer:cli'],
    ['packages/engine/src/probe.ts', '@cadenza/cli', 'layer:engine'],
  ])('forbid a sideways import from %s to %s', async (path, target, tag) => {
    const [message] = await boundaryErrors(path, `export * from '${target}';`);
    expect(message).toBe(`A project tagged with "${tag}" can only depend on libs tagged with "layer:core"`);
  });

  it('forbid a sideways import that is made at run time', async () => {
    const text = "export const later = () => import('@cadenza/text');";
    expect(await boundaryErrors('packages/cli/src/probe.ts', text)).toHaveLength(1);
  });

  it('forbid sideways imports in tests and scripts too', async () => {
    const text = "import '@cadenza/engine';";
    expect(await boundaryErrors('packages/text/tests/probe.test.ts', text)).toHaveLength(1);
    expect(await boundaryErrors('packages/text/scripts/probe.mjs', text)).toHaveLength(1);
  });

  it('forbid reaching into another package by a relative path', async () => {
    const [message] = await boundaryErrors('packages/text/src/probe.ts', "export * from '../../core/src/index.js';");
    expect(message).toContain('Projects cannot be imported by a relative or absolute path');
  });

  it('forbid a circular import', async () => {
    const [message] = await boundaryErrors('packages/core/src/probe.ts', "export * from '@cadenza/engine';");
    expect(message).toContain('Circular dependency between "core" and "engine" detected');
  });

  it('give every project one layer, and no layer everything', async () => {
    const graph = await createProjectGraphAsync({ exitOnError: false });
    const layers = layerConstraints.map((constraint) => constraint.sourceTag);
    for (const [name, { data }] of Object.entries(graph.nodes)) {
      const own = (data.tags ?? []).filter((tag) => tag.startsWith('layer:'));
      expect(own, name).toHaveLength(1);
      expect(layers).toContain(own[0]);
    }
    expect(JSON.stringify(layerConstraints)).not.toContain('*');
  });
});
