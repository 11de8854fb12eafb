import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJson } from '../scripts/workspace.mjs';
import { createScratchWorkspace, type ScratchWorkspace } from './scratchWorkspace.js';

let workspace: ScratchWorkspace;

function generate(...args: string[]) {
  return workspace.run('nx', 'g', './tools/generators:pipeline', ...args, '--skipInstall', '--no-interactive');
}

describe('the pipeline generator', () => {
  beforeAll(() => {
    workspace = createScratchWorkspace();
  });
  afterAll(() => workspace.dispose());

  it('refuses names that cannot be a folder, a command and a package', () => {
    for (const name of ['time_series', '../time', 'core']) {
      const { status, output } = generate(`--name=${name}`);
      expect(status, name).not.toBe(0);
      expect(output, name).toContain('Expected name to be');
    }
    expect(existsSync(join(workspace.root, 'apps', 'core'))).toBe(false);
  });

  it('refuses an option it does not have', () => {
    const { status, output } = generate('time-series', '--colour=red');
    expect(status).not.toBe(0);
    expect(output).toContain('colour');
    expect(existsSync(join(workspace.root, 'apps', 'time-series'))).toBe(false);
  });

  it('makes an app that builds, passes lint, types and formatting, and learns its toy task', () => {
    const generated = generate('time-series');
    expect(generated.output).toContain('CREATE apps/time-series/package.json');
    expect(generated.status).toBe(0);
    const references = readJson(join(workspace.root, 'tsconfig.json')).references;
    expect(references).toContainEqual({ path: 'apps/time-series' });

    // The packages are built already; only the new app's own targets are to run.
    const targets = ['build', 'lint', 'typecheck', 'test', 'e2e'];
    const only = ['--projects=time-series', '--excludeTaskDependencies'];
    for (const some of [targets.slice(0, 1), targets.slice(1)]) {
      const { status, output } = workspace.run('nx', 'run-many', `--targets=${some.join(',')}`, ...only);
      expect(status, output).toBe(0);
    }
    const formatted = workspace.run('prettier', '--check', 'apps');
    expect(formatted.status, formatted.output).toBe(0);

    const trained = workspace.run('nx', 'run', 'time-series:train', '--excludeTaskDependencies', '--run', 'runs/toy');
    expect(trained.status, trained.output).toBe(0);
    const report = readJson(join(workspace.root, 'apps/time-series/reports/e2e.json'));
    expect(report.numPassedTests).toBe(2);
    const evaluated = workspace.run('apps/time-series/bin/cadenza-time-series.js', 'evaluate', '--run', 'runs/toy');
    const [, accuracy] = /accuracy ([\d.]+) %/.exec(evaluated.output) ?? [];
    expect(Number(accuracy), evaluated.output).toBeGreaterThan(99);
  }, 600_000);

  it('will not write over an app that exists', () => {
    const { status, output } = generate('time-series');
    expect(status).not.toBe(0);
    expect(output).toContain('which exists');
  });
});
