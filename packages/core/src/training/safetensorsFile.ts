import { refuseUnknown } from '../options.js';
import { defaultFileSystem, readWhole, writeDurably, type FileSystem } from './fileSystem.js';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from './safetensors.js';
import type { StoredTensor } from './tensorData.js';

/** Reads a safetensors file; see {@link decodeSafetensors} for the types. A file that is missing is a `CheckpointError` too. */
export function readSafetensors(path: string, fs: FileSystem = defaultFileSystem): Safetensors {
  return decodeSafetensors(readWhole(fs, path), path);
}

/** Writes tensors to a safetensors file, which is on the disk when this returns. Gives its SHA-256 in hexadecimal. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  options: { metadata?: Record<string, string>; fileSystem?: FileSystem } = {},
): string {
  refuseUnknown('writeSafetensors', options, ['metadata', 'fileSystem']);
  return writeDurably(options.fileSystem ?? defaultFileSystem, path, encodeSafetensors(tensors, options.metadata));
}
