import { createHash } from 'node:crypto';
import * as nodeFileSystem from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError } from '../errors.js';

/** The functions of `node:fs` through which a run folder is written and read; tests put failing ones in their place. */
export type FileSystem = Pick<
  typeof nodeFileSystem,
  | 'closeSync'
  | 'existsSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readFileSync'
  | 'readlinkSync'
  | 'realpathSync'
  | 'renameSync'
  | 'rmSync'
  | 'statSync'
  | 'writeSync'
>;

export const defaultFileSystem: FileSystem = nodeFileSystem;

/** Writes all bytes, which a single `writeSync` need not do. */
export function writeFully(fs: FileSystem, descriptor: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += fs.writeSync(descriptor, bytes, written, bytes.length - written);
  }
}

/** Writes a new file whose bytes have reached the disk when this returns. Gives their SHA-256 in hexadecimal. */
export function writeDurably(fs: FileSystem, path: string, chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256');
  try {
    const descriptor = fs.openSync(path, 'w');
    try {
      for (const chunk of chunks) {
        writeFully(fs, descriptor, chunk);
        hash.update(chunk);
      }
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    throw writeError(path, error);
  }
  return hash.digest('hex');
}

/** Makes renames and new names within a folder reach the disk. Windows has no such call, and needs none. */
export function syncFolder(fs: FileSystem, directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Replaces a small file: whoever reads it, at any instant, sees the old text or the new one. A link stays, and what it leads to is
 * replaced; what is no file that could be, such as a pipe or `/dev/null`, is written to as it is.
 */
export function replaceFile(fs: FileSystem, path: string, text: string): void {
  try {
    const place = followLinks(fs, path);
    if (isStream(fs, path) || place.startsWith('/proc/')) writeStraight(fs, path, text);
    else replaceRegular(fs, place, text);
  } catch (error) {
    throw writeError(path, error);
  }
}

function replaceRegular(fs: FileSystem, path: string, text: string): void {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    writeDurably(fs, temporary, [Buffer.from(text)]);
    fs.renameSync(temporary, path);
    syncFolder(fs, dirname(path));
  } catch (error) {
    fs.rmSync(temporary, { force: true });
    throw writeError(path, error);
  }
}

/** What a path is after all its links, of which the last may lead to nothing; a link of the process's own files is kept. */
function followLinks(fs: FileSystem, path: string): string {
  let place = path;
  for (let links = 0; links < 40 && !place.startsWith('/proc/'); links++) {
    try {
      place = resolve(fs.realpathSync(dirname(place)), fs.readlinkSync(place));
    } catch {
      return place; // no link
    }
  }
  return place;
}

/** True for pipes, sockets and devices. */
function isStream(fs: FileSystem, path: string): boolean {
  const status = fs.statSync(path, { throwIfNoEntry: false });
  return status !== undefined && !status.isFile() && !status.isDirectory();
}

function writeStraight(fs: FileSystem, path: string, text: string): void {
  const descriptor = fs.openSync(path, 'w');
  try {
    writeFully(fs, descriptor, Buffer.from(text));
  } finally {
    fs.closeSync(descriptor);
  }
}

const reasons: Record<string, string> = {
  ENOSPC: 'a full disk',
  EDQUOT: 'a used-up disk quota',
  EFBIG: 'the limit on the size of files',
  EROFS: 'a read-only file system',
  EACCES: 'no permission',
  EIO: 'an error of the disk',
};

/** A one-line error for a failed write; the code is the system's, `ENOSPC` for a full disk. */
export function writeError(path: string, error: unknown): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const { code = 'WRITE', message = String(error) } = error as NodeJS.ErrnoException;
  const hint = code === 'ENOSPC' || code === 'EDQUOT' ? ': make room there and resume' : '';
  const got = reasons[code] ? `${reasons[code]} (${code})${hint}` : message;
  return new CheckpointError(`Expected to write ${path}, got ${got}`, { code, cause: error });
}

/** Reads a whole file. One that is missing or cannot be read is a one-line error with the given code. */
export function readWhole(fs: FileSystem, path: string, code = 'CHECKPOINT'): Buffer {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    const { code: reason, message } = error as NodeJS.ErrnoException;
    const got = reason === 'ENOENT' ? 'no such file' : message;
    throw new CheckpointError(`Expected to read ${path}, got ${got}`, { code, cause: error });
  }
}
