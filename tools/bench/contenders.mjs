import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compete } from './contest.mjs';
import { startPyTorch, startScript } from './peers.mjs';
import { formats } from './sizes.mjs';

/**
 * @typedef {import('./contest.mjs').Contender} Contender
 * @typedef {import('./peers.mjs').Options} Options
 * @typedef {{ rounds: number, seconds: number, quick: boolean, threads?: number, backend?: string, precision?: string,
 *   isa: string, pythons: import('./peers.mjs').Python[], packages: Map<string, string>, say: (line: string) => void,
 *   leftOut: (line: string) => void, wanted: (part: string, name: string) => boolean }} Settings
 */

/**
 * Ours, under a name.
 *
 * @param {Settings} settings @param {string} what @param {string} name @param {Options} options @returns {Contender}
 */
export function ours({ backend, threads }, what, name, options, script = 'ours.mjs') {
  return { name, start: () => startScript(script, what, { backend, threads, ...options }) };
}

/**
 * Every PyTorch in these formats, under the names `pytorch f32` and so on.
 *
 * @param {Settings} settings @param {string} what @param {readonly string[]} precisions @param {Options} options
 * @returns {Contender[]}
 */
export function pyTorch({ pythons, threads, quick }, what, precisions, options, script = 'pytorch_lm.py') {
  return pythons.flatMap(({ name, python }) =>
    precisions.map((precision) => ({
      name: `${name} ${precision}`,
      // Where ours has no such format (a CPU without its instructions), nothing stands beside it.
      ...(precision === 'f32' ? {} : { beside: precision }),
      start: () => startPyTorch(script, python, what, { ...options, precision, threads, quick }),
    })),
  );
}

/**
 * Lets them compete, and says who could not.
 *
 * @param {Settings} settings @param {string} label @param {Contender[]} contenders
 */
export async function run(settings, label, contenders) {
  settings.say(label);
  const { results, missing } = await compete(contenders, settings);
  for (const line of missing) settings.leftOut(line);
  return results;
}

/** Works with a folder that is gone afterwards. @param {(folder: string) => Promise<void>} work */
export async function withFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'cadenza-bench-'));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The formats of training and products that are measured. @param {Settings} settings */
export function precisionsOf({ precision }) {
  return formats.filter((format) => format !== 'int8' && (precision ?? format) === format);
}
