import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { workspaceRoot } from '../scripts/workspace.mjs';

const execute = promisify(execFile);
const folder = join(workspaceRoot, 'tools', 'bench');

/**
 * Runs one measurement in a process of its own and reads the JSON object of its last line.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<any>}
 */
async function measure(command, args) {
  const { stdout } = await execute(command, args, { cwd: workspaceRoot, maxBuffer: 1 << 24 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

/**
 * Options as command line arguments.
 *
 * @param {Record<string, string | number | undefined>} options
 */
function flags(options) {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, `${value}`]));
}

/**
 * @param {string} what
 * @param {Record<string, string | number | undefined>} options
 */
export function measureOurs(what, options) {
  return measure(process.execPath, [join(folder, 'ours.mjs'), what, ...flags(options)]);
}

/** @param {Record<string, string | number | undefined>} options */
export function measureTfjs(options) {
  return measure(process.execPath, [join(folder, 'tfjsStock.mjs'), ...flags(options)]);
}

/**
 * @param {string} python
 * @param {string} what
 * @param {Record<string, string | number | undefined>} options
 */
export function measurePyTorch(python, what, options) {
  return measure(python, [join(folder, 'pytorch_lm.py'), what, ...flags(options)]);
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
