import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run, workspaceRoot } from './workspace.mjs';

/**
 * Builds what is missing or older than its source: all TypeScript through its project references, then the native
 * kernels if there is a C++ compiler. Quick when nothing changed. Gives false when TypeScript found errors; native
 * kernels that cannot be built are no error, another backend does their work.
 *
 * @returns {Promise<boolean>}
 */
export async function buildAll() {
  const compiler = join(workspaceRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(compiler)) {
    console.log('typescript: not installed (development dependencies were left out), nothing is built');
    return false;
  }
  const started = performance.now();
  const code = await run(process.execPath, [compiler, '-b', workspaceRoot]);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (code === 0) console.log(`typescript: built in ${seconds} s`);
  await run(process.execPath, [join(workspaceRoot, 'packages', 'engine', 'scripts', 'buildNative.mjs')]);
  return code === 0;
}
