import { readFile } from 'node:fs/promises';
import { InputError, plural, refuseUnknown } from '@cadenza/core';
import { assertInteger } from '../checks.js';
import { type FeatureMatrix, featureMatrix } from '../features/featureMatrix.js';
import { fileProblem, writeAtomically } from './atomicFile.js';

export interface SphinxOptions {
  /** Values of a frame, which the file does not say; 13 unless told. */
  dimension?: number;
  /** What errors call the bytes; the path for {@link readSphinxFeatures}. */
  name?: string;
}

/**
 * Decodes a Sphinx feature file (`.mfc`): an int32 that counts the floats, then so many float32, row after row. Files are
 * big-endian as sphinx_fe writes them, or little-endian: the order is the one in which the count is right.
 *
 * @throws {InputError} for a count that is wrong in both orders, incomplete frames, and values that are not finite
 */
export function decodeSphinxFeatures(bytes: Uint8Array, options: SphinxOptions = {}): FeatureMatrix {
  refuseUnknown('the reading of features', options, ['dimension', 'name']);
  const { dimension = 13, name = 'the feature file' } = options;
  assertInteger('dimension', dimension, 1);
  if (bytes.length < 4) {
    throw new InputError(`Expected ${name} to begin with a count of 4 bytes, got ${plural(bytes.length, 'byte')}`, {
      code: 'MFC',
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const held = (bytes.length - 4) / 4;
  const little = view.getInt32(0, false) !== held;
  if (little && view.getInt32(0, true) !== held) {
    const message = `Expected ${name} to count its ${plural(held, 'float')} at byte 0, got ${view.getInt32(0, false)}`;
    throw new InputError(message, { code: 'MFC' });
  }
  if (held % dimension !== 0) {
    throw new InputError(
      `Expected ${name} to hold frames of ${plural(dimension, 'float')}, got ${plural(held, 'float')}`,
      { code: 'MFC' },
    );
  }
  const values = new Float32Array(held);
  for (let n = 0; n < held; n++) {
    values[n] = view.getFloat32(4 + 4 * n, little);
    if (Number.isFinite(values[n])) continue;
    throw new InputError(`Expected ${name} to hold finite values, got ${values[n]} at byte ${4 + 4 * n}`, {
      code: 'MFC',
    });
  }
  return featureMatrix(values, dimension);
}

/** The bytes of a Sphinx feature file, big-endian unless told. */
export function encodeSphinxFeatures(features: FeatureMatrix, littleEndian = false): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * features.values.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, features.values.length, littleEndian);
  for (const [n, value] of features.values.entries()) view.setFloat32(4 + 4 * n, value, littleEndian);
  return bytes;
}

/** Reads a Sphinx feature file; see {@link decodeSphinxFeatures}. */
export async function readSphinxFeatures(path: string, options: SphinxOptions = {}): Promise<FeatureMatrix> {
  const bytes = await readFile(path).catch((cause) => {
    throw fileProblem('a feature file', path, cause);
  });
  return decodeSphinxFeatures(bytes, { name: path, ...options });
}

/** Writes a Sphinx feature file, in one step: a reader never sees half of it. */
export async function writeSphinxFeatures(path: string, features: FeatureMatrix): Promise<void> {
  await writeAtomically(path, encodeSphinxFeatures(features));
}
