import { CheckpointError } from '../errors.js';
import { defaultFileSystem, writeDurably, type FileSystem } from './fileSystem.js';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from './safetensors.js';
import type { TensorData } from './tensorData.js';

/** Reads a safetensors file; see {@link decodeSafetensors} for the types. A file that is missing is a {@link CheckpointError} too. */
export function readSafetensors(path: string, fs: FileSystem = defaultFileSystem): Safetensors {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'no such file' : message;
    throw new CheckpointError(`Expected to read ${path}, got ${got}`, { cause: error });
  }
  return decodeSafetensors(bytes, path);
}

/** Writes tensors to a safetensors file, which is on the disk when this returns. */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  options: { metadata?: Record<string, string>; fileSystem?: FileSystem } = {},
): void {
  writeDurably(options.fileSystem ?? defaultFileSystem, path, encodeSafetensors(tensors, options.metadata));
}
