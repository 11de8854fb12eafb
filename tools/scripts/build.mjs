import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, workspaceRoot } from './workspace.mjs';

/**
 * Builds what is missing or older than its source: all TypeScript through its project references, then the native
 * kernels if there is a C++ compiler. Quick when nothing changed. Gives false when TypeScript found errors; native
 * kernels that cannot be built are no error, another backend does their work. Everything is printed to file descriptor
 * `output`.
 *
 * @returns {Promise<boolean>}
 */
export async function buildAll(output = 1) {
  const say = (/** @type {string} */ line) => void process[output === 1 ? 'stdout' : 'stderr'].write(`${line}\n`);
  const compiler = join(workspaceRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    say('typescript: not installed (development dependencies were left out), nothing is built');
    return false;
  }
  const started = performance.now();
  const code = await run(process.execPath, [compiler, '-b', workspaceRoot], { output });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) say(`typescript: built in ${seconds} s`);
  const native = join(workspaceRoot, 'packages', 'engine', 'scripts', 'buildNative.mjs');
  await run(process.execPath, [native], { output });
  return code === 0;
}
