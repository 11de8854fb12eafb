import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds the root package.json. */
export const workspaceRoot = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '');

/**
 * The environment for everything the scripts start: local commands first on the path; Nx without a daemon, its
 * terminal interface, its cloud or a question.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function scriptEnvironment() {
  const bins = join(workspaceRoot, 'node_modules', '.bin');
  return {
    ...process.env,
    PATH: `${bins}${delimiter}${process.env.PATH ?? ''}`,
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_NO_CLOUD: 'true',
    NX_INTERACTIVE: 'false',
    NX_WORKSPACE_ROOT_PATH: workspaceRoot,
  };
}

/**
 * Runs a program of Node's or of the workspace, its output shown, and resolves to its exit code (128 + signal number
 * is given as 130 for an interruption).
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, shell?: boolean, env?: NodeJS.ProcessEnv, output?: number }} [options]
 *   `output`: the file descriptor that its standard output goes to
 * @returns {Promise<number>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? workspaceRoot,
      env: options.env ?? scriptEnvironment(),
      shell: options.shell ?? false,
      stdio: ['inherit', options.output ?? 'inherit', 'inherit'],
    });
    // Ctrl-C reaches the child too: it saves and stops, and this process waits for it.
    const wait = () => {};
    process.on('SIGINT', wait);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait);
      resolve(signal === 'SIGINT' ? 130 : (code ?? 1));
    });
  });
}

/**
 * The projects of the workspace: every folder the root package.json lists that has a package.json.
 *
 * @returns {{ name: string, folder: string, manifest: Record<string, any> }[]}
 */
export function projects(root = workspaceRoot) {
  /** @type {string[]} */
  const patterns = readJson(join(root, 'package.json')).workspaces;
  const folders = patterns.flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(join(root, pattern.slice(0, -2)), { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => `${pattern.slice(0, -2)}/${entry.name}`)
          .sort()
      : [pattern],
  );
  return folders
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const manifest = readJson(join(root, folder, 'package.json'));
      return { name: manifest.nx?.name ?? manifest.name, folder: join(root, folder), manifest };
    });
}

/**
 * The script behind an installed package's command.
 *
 * @param {string} name of the package and of its command
 */
export function commandScript(name, root = workspaceRoot) {
  const folder = join(root, 'node_modules', name);
  const { bin } = readJson(join(folder, 'package.json'));
  return join(folder, typeof bin === 'string' ? bin : bin[name]);
}

/**
 * @param {string} file
 * @returns {any}
 */
export function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}
