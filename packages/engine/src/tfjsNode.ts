import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const NAME = '@tensorflow/tfjs-node';

/**
 * Loads tfjs-node, which registers the backend `tensorflow`. It is an optional dependency whose binary needs a download or a
 * build of its own (README, "tfjs-node"); throws why it cannot be had.
 */
export async function loadTfjsNode(): Promise<void> {
  const require = createRequire(import.meta.url);
  let folder: string;
  try {
    folder = dirname(require.resolve(`${NAME}/package.json`));
  } catch {
    throw new Error('tfjs-node is not installed');
  }
  // Loading it takes a second; without its addon that would be in vain.
  const library = join(folder, 'lib');
  const hasAddon =
    existsSync(library) &&
    readdirSync(library).some((version) => existsSync(join(library, version, 'tfjs_binding.node')));
  if (!hasAddon) throw new Error('tfjs-node is installed without its addon');
  restoreUtil(require('node:util') as LegacyUtil);
  // TensorFlow's own log of what the CPU has goes to standard error otherwise; errors still do.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
  try {
    await import(NAME);
  } catch (error) {
    throw new Error(`tfjs-node does not load (${(error as Error).message.split('\n')[0]})`, { cause: error });
  }
}

interface LegacyUtil {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray?: (value: unknown) => boolean;
}

/** tfjs-node 4.22 calls two functions of `util` that Node 23 removed. Where they are gone they are put back. */
export function restoreUtil(util: LegacyUtil): void {
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= (value) => Array.isArray(value);
}
