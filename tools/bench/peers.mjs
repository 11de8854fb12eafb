import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { workspaceRoot } from '../scripts/workspace.mjs';
import { Runner } from './runner.mjs';

const execute = promisify(execFile);
const folder = join(workspaceRoot, 'tools', 'bench');

/** @typedef {Record<string, string | number | boolean | undefined>} Options */
/** @typedef {{ name: string, python: string, version: string }} Python */

/**
 * Options as command line arguments.
 *
 * @param {Options} options
 */
function flags(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`--${name}`] : [`--${name}`, `${value}`];
  });
}

/**
 * One of the measuring scripts beside this file.
 *
 * @param {string} script @param {string} what @param {Options} options
 */
export function startScript(script, what, options) {
  return Runner.start(process.execPath, [join(folder, script), what, ...flags(options)]);
}

/**
 * One of the PyTorch scripts beside this file; it leaves no compiled copies of their modules there.
 *
 * @param {string} script @param {string} python @param {string} what @param {Options} options
 */
export function startPyTorch(script, python, what, options) {
  return Runner.start(python, ['-B', join(folder, script), what, ...flags(options)]);
}

/**
 * The pythons that can import torch, newest first, each under the name its figures get: `pytorch` the newest,
 * `pytorch-1.13` another; and what to say of those that cannot.
 *
 * @param {string[]} candidates
 */
export async function findPyTorch(candidates) {
  /** @type {{ python: string, version: string }[]} */
  const found = [];
  /** @type {string[]} */
  const missing = [];
  for (const python of candidates) {
    try {
      const { stdout } = await execute(python, ['-c', 'import torch; print(torch.__version__)']);
      const version = stdout.trim();
      if (!found.some((other) => other.version === version)) found.push({ python, version });
    } catch (error) {
      const { code } = /** @type {{ code?: string | number }} */ (error);
      missing.push(`pytorch: ${python} ${code === 'ENOENT' ? 'is not there' : 'cannot import torch'}`);
    }
  }
  found.sort((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
  const peers = found.map(({ python, version }, index) => ({
    name: index === 0 ? 'pytorch' : `pytorch-${version.split('.').slice(0, 2).join('.')}`,
    python,
    version,
  }));
  return { peers, missing };
}

/**
 * Where packages that the bench compares with, but the repository does not depend on, are installed: the first of the folders
 * that has them in its `node_modules`, then NODE_PATH. What is nowhere is said.
 *
 * @param {string[]} names @param {string[]} folders
 */
export function findPackages(names, folders) {
  /** @type {Map<string, string>} */
  const found = new Map();
  /** @type {string[]} */
  const missing = [];
  for (const name of names) {
    const base = [...folders.map((each) => resolve(each)), workspaceRoot].find((each) => {
      try {
        return createRequire(join(each, 'package.json')).resolve(`${name}/package.json`);
      } catch {
        return false;
      }
    });
    if (base) found.set(name, base);
    else missing.push(`${name}: not installed (npm install ${name} in a folder, then --peers FOLDER)`);
  }
  return { found, missing };
}
