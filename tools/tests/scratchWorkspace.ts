import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { commandScript, readJson, workspaceRoot } from '../scripts/workspace.mjs';

/** Copies of the workspace's own files in a folder of their own, with the installed packages linked in. */
export interface ScratchWorkspace {
  readonly root: string;
  /** Runs a script with Node there: an installed package's command by its name, another by its path. */
  run(script: string, ...args: string[]): { status: number | null; output: string };
  dispose(): void;
}

const rootFiles = ['package.json', 'package-lock.json', 'nx.json', 'tsconfig.base.json', 'tsconfig.json'];
const settings = ['eslint.config.mjs', 'vitest.base.ts', '.prettierrc.json', '.prettierignore', '.gitignore'];

/**
 * Makes a workspace with the packages and tools but no app, in which a generator may write without touching the
 * repository. Built files are copied with their times, so that nothing is built again.
 */
export function createScratchWorkspace(): ScratchWorkspace {
  const root = mkdtempSync(join(tmpdir(), 'cadenza-workspace-'));
  for (const name of [...rootFiles, ...settings]) cpSync(join(workspaceRoot, name), join(root, name));
  const notCopied = new Set(['node_modules', 'reports', 'objects', 'runs', '.nx']);
  for (const name of ['packages', 'tools']) {
    cpSync(join(workspaceRoot, name), join(root, name), {
      recursive: true,
      preserveTimestamps: true,
      filter: (source) => !notCopied.has(basename(source)),
    });
  }
  mkdirSync(join(root, 'apps'));
  dropAppReferences(join(root, 'tsconfig.json'));
  linkPackages(root);
  return {
    root,
    run(script, ...args) {
      const path = script.endsWith('.js') ? join(root, script) : commandScript(script, root);
      const result = spawnSync(process.execPath, [path, ...args], {
        cwd: root,
        encoding: 'utf8',
        env: plainEnvironment(),
      });
      return { status: result.status, output: result.stdout + result.stderr };
    },
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}

function dropAppReferences(file: string): void {
  const config = readJson(file);
  const references = config.references.filter(({ path }: { path: string }) => !path.startsWith('apps/'));
  writeFileSync(file, JSON.stringify({ ...config, references }, null, 2));
}

/** Links every installed package; those of the workspace itself lead to the copies. */
function linkPackages(root: string): void {
  const installed = join(workspaceRoot, 'node_modules');
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, '@cadenza'), { recursive: true });
  for (const name of readdirSync(installed)) {
    if (name !== '@cadenza' && name !== '.cache') symlinkSync(join(installed, name), join(modules, name));
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    symlinkSync(join(root, 'packages', name), join(modules, '@cadenza', name));
    const own = join(workspaceRoot, 'packages', name, 'node_modules');
    if (existsSync(own)) symlinkSync(own, join(root, 'packages', name, 'node_modules'));
  }
}

/** The environment without what the Nx and the Vitest around this test left in it. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(NX_|VITEST|LERNA|npm_|NODE_ENV|FORCE_COLOR)/.test(name),
  );
  return { ...Object.fromEntries(kept), NX_DAEMON: 'false', NX_TUI: 'false', NX_NO_CLOUD: 'true', NO_COLOR: '1' };
}
