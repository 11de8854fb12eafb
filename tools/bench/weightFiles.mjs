/** The weights that all start from, as files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { bytesOf, floatsOf } from './floatFiles.mjs';

const files = { names: 'weights.json', values: 'weights.f32' };

/**
 * Writes weights: their values after one another, and their names and shapes in the same order.
 *
 * @param {string} folder @param {ReadonlyMap<string, tf.Variable>} parameters
 */
export function exportWeights(folder, parameters) {
  const entries = [...parameters];
  const names = entries.map(([name, { shape }]) => ({ name, shape }));
  writeFileSync(join(folder, files.names), JSON.stringify(names));
  const values = entries.map(([, variable]) => bytesOf(/** @type {Float32Array} */ (variable.dataSync())));
  writeFileSync(join(folder, files.values), Buffer.concat(values));
}

/** Fills weights with what was exported of equal ones. @param {string} folder @param {ReadonlyMap<string, tf.Variable>} parameters */
export function importWeights(folder, parameters) {
  const values = floatsOf(readFileSync(join(folder, files.values)));
  let offset = 0;
  for (const variable of parameters.values()) {
    const part = values.subarray(offset, (offset += variable.size));
    tf.tidy(() => variable.assign(tf.tensor(part, variable.shape)));
  }
}
