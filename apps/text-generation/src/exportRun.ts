import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { checkOutputFolder } from '@cadenza/cli';
import { defaultFileSystem, packWeights, replaceFile, writeSafetensors, type WeightFormat } from '@cadenza/core';
import { vocabularyFile, weightsFile, type OpenRun, type RunDescription } from './run.js';

/**
 * Writes what is needed to use a run's model into a folder of its own: `config.json` (the run's, with `exported`),
 * `vocabulary.json` and `weights.safetensors`, whose matrices are in a format that `packWeights` describes. The folder is made
 * beside its place and renamed, so that it is there whole or not at all. Returns the size of the weights in bytes.
 */
export function exportRun(run: OpenRun, directory: string, format: WeightFormat): number {
  checkOutputFolder('--output', directory);
  const temporary = join(dirname(directory), `.${basename(directory)}.${process.pid}.tmp`);
  try {
    mkdirSync(temporary, { recursive: true });
    const metadata = { producer: 'cadenza', weights: format, step: String(run.step) };
    const path = join(temporary, weightsFile);
    const sha256 = writeSafetensors(path, packWeights(run.stored.weights, format), { metadata });
    const description: RunDescription = { ...run.description, exported: { weights: format, step: run.step, sha256 } };
    replaceFile(
      defaultFileSystem,
      join(temporary, vocabularyFile),
      `${JSON.stringify(run.tokenizer.toJSON(), null, 1)}\n`,
    );
    replaceFile(defaultFileSystem, join(temporary, 'config.json'), `${JSON.stringify(description, null, 2)}\n`);
    const { size } = statSync(path);
    if (existsSync(directory)) rmdirSync(directory);
    renameSync(temporary, directory);
    return size;
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
}
