import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError, refuseUnknown } from '@cadenza/core';
import { assertOneOf } from '../checks.js';
import { type FeatureMatrix, featureMatrix } from '../features/featureMatrix.js';
import { fileProblem, writeAtomically } from './atomicFile.js';

export interface FeatureCacheOptions {
  /** Where the features are kept; made when it is not there. */
  folder: string;
  /** What the features were made with: {@link FeatureExtractor.fingerprint} and whatever else changes them. */
  fingerprint: string;
  /** A file has changed when its size or time of change has (`time`, unless told), or its bytes have (`content`). */
  identity?: 'time' | 'content';
}

const MAGIC = 0x43464541; // 'CFEA'
const HEADER = 12;
const DIGEST = 32;

/**
 * Keeps the features of sound files on disk. A key is SHA-256 over the fingerprint, and over the file's path, size and
 * time of change, or its bytes; so another configuration or another file never gets the wrong features. An entry carries
 * a SHA-256 of its values: one that is damaged or cut off is made again. Entries appear whole or not at all.
 */
export class FeatureCache {
  private readonly options: Required<FeatureCacheOptions>;
  /** How often features were found, and how often they were made. */
  hits = 0;
  misses = 0;

  constructor(options: FeatureCacheOptions) {
    refuseUnknown('FeatureCache', options, ['folder', 'fingerprint', 'identity']);
    this.options = { identity: 'time', ...options };
    assertOneOf('identity', this.options.identity, ['time', 'content']);
    if (!options.folder) throw new ConfigError(`Expected folder to be a path, got "${options.folder}"`);
  }

  /**
   * The features of a file: those kept, or those that `make` gives, which are then kept.
   * @throws {InputError} for a file that is not there; what `make` throws
   */
  async get(path: string, make: () => Promise<FeatureMatrix> | FeatureMatrix): Promise<FeatureMatrix> {
    const entry = await this.entryPath(path);
    const kept = await readFile(entry).catch(() => undefined);
    const features = kept && decodeEntry(kept);
    if (features) {
      this.hits++;
      return features;
    }
    this.misses++;
    const made = await make();
    await mkdir(join(entry, '..'), { recursive: true });
    await writeAtomically(entry, encodeEntry(made));
    return made;
  }

  /** Where the features of a file are kept, in one of 256 folders. */
  async entryPath(path: string): Promise<string> {
    const { folder, fingerprint, identity } = this.options;
    const hash = createHash('sha256').update(JSON.stringify(['features', fingerprint, identity]));
    try {
      if (identity === 'content') hash.update(await readFile(path));
      else {
        const { size, mtimeNs } = await stat(path, { bigint: true });
        hash.update(JSON.stringify([resolve(path), `${size}`, `${mtimeNs}`]));
      }
    } catch (cause) {
      throw fileProblem('a sound file', path, cause as NodeJS.ErrnoException);
    }
    const key = hash.digest('hex');
    return join(folder, key.slice(0, 2), `${key.slice(2)}.features`);
  }
}

/** A header of three little-endian words (magic, frames, dimension), SHA-256 of header and values, the float32 values. */
function encodeEntry({ values, frames, dimension }: FeatureMatrix): Uint8Array {
  const bytes = new Uint8Array(HEADER + DIGEST + 4 * values.length);
  const view = new DataView(bytes.buffer);
  [MAGIC, frames, dimension].forEach((word, index) => view.setUint32(4 * index, word, true));
  for (let n = 0; n < values.length; n++) view.setFloat32(HEADER + DIGEST + 4 * n, values[n], true);
  bytes.set(digest(bytes), HEADER);
  return bytes;
}

function decodeEntry(bytes: Uint8Array): FeatureMatrix | undefined {
  if (bytes.length < HEADER + DIGEST) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [magic, frames, dimension] = [0, 4, 8].map((at) => view.getUint32(at, true));
  if (magic !== MAGIC || bytes.length !== HEADER + DIGEST + 4 * frames * dimension) return undefined;
  if (!digest(bytes).equals(bytes.subarray(HEADER, HEADER + DIGEST))) return undefined;
  const values = Float32Array.from({ length: frames * dimension }, (_, n) =>
    view.getFloat32(HEADER + DIGEST + 4 * n, true),
  );
  return { ...featureMatrix(values, dimension), frames };
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256')
    .update(bytes.subarray(0, HEADER))
    .update(bytes.subarray(HEADER + DIGEST))
    .digest();
}
