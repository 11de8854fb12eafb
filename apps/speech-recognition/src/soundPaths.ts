import { statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { InputError } from '@cadenza/core';
import { filesBelow } from '@cadenza/text';
import { readManifestFile, type Recording } from './corpora.js';

/** A recording to transcribe. */
export interface NamedRecording extends Recording {
  /** What a file of its transcript is called, without its end: below a folder as its own. */
  name: string;
}

/** The ends of the names of sound files, with those that a manifest has. */
export const soundExtensions = ['.wav', '.wave', '.sph', '.flac', '.mp3', '.ogg', '.oga', '.opus'];
const manifestExtensions = ['.jsonl', '.json', '.manifest'];
const featureExtension = '.mfc';

/**
 * The recordings of some paths, in their order: a sound file (or `.mfc`, Sphinx's features), all sound files of a folder and those
 * below, sorted, or those of a manifest (`.jsonl`, `.json`, `.manifest`).
 *
 * @param onError is told of each path, each line of a manifest and each folder below another, that is none of them
 */
export async function findRecordings(
  paths: readonly string[],
  onError: (error: InputError) => void,
): Promise<NamedRecording[]> {
  const found: NamedRecording[] = [];
  for (const path of paths) {
    try {
      found.push(...(await recordingsOf(path, onError)));
    } catch (error) {
      onError(error instanceof InputError ? error : unreadable(path, error as NodeJS.ErrnoException));
    }
  }
  return found;
}

/** What the system says of a folder; what is no error of the system's is thrown. */
function unreadable(path: string, cause: NodeJS.ErrnoException): InputError {
  if (cause.syscall === undefined) throw cause;
  return new InputError(`Expected a path that can be read, got ${cause.message}: ${path}`, { code: cause.code, cause });
}

async function recordingsOf(path: string, onError: (error: InputError) => void): Promise<NamedRecording[]> {
  if (isFolder(path)) return folderRecordings(path, onError);
  if (manifestExtensions.includes(extname(path).toLowerCase())) {
    let bad = 0;
    const count = (error: InputError): void => {
      bad++;
      onError(error);
    };
    try {
      const recordings = await readManifestFile(path, count);
      return recordings.map((recording) => ({ ...recording, name: nameOf(recording.id) }));
    } catch (error) {
      if (bad > 0 && error instanceof InputError) return []; // that no line is left was said line by line
      throw error;
    }
  }
  return [{ id: path, name: nameOf(basename(path)), ...contentOf(path) }];
}

/** A file as sound, or by its name as features made before. */
export function contentOf(path: string): Pick<Recording, 'audioPath' | 'featurePath'> {
  return extname(path).toLowerCase() === featureExtension ? { featurePath: path } : { audioPath: path };
}

/** What is not there is left to whoever reads it, who says so. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function folderRecordings(folder: string, onError: (error: InputError) => void): Promise<NamedRecording[]> {
  const onUnreadable = (path: string, cause: NodeJS.ErrnoException): void => {
    const error = unreadable(path, cause);
    if (path === folder) throw error;
    onError(error);
  };
  const files = (await filesBelow(folder, { onUnreadable }))
    .filter((file) => soundExtensions.includes(extname(file).toLowerCase()))
    .sort((a, b) => (a < b ? -1 : 1));
  if (files.length > 0) {
    return files.map((file) => ({ id: join(folder, file), audioPath: join(folder, file), name: nameOf(file) }));
  }
  throw new InputError(`Expected sound files (${soundExtensions.join(', ')}) in the folder, got none: ${folder}`);
}

/** The path without its end and without ways out of a folder; the line of a manifest stays. */
function nameOf(path: string): string {
  const [, line = ''] = /:(\d+)$/u.exec(path) ?? [];
  const file = line === '' ? path : path.slice(0, -line.length - 1);
  const parts = file.slice(0, file.length - extname(file).length).split(/[\\/]/u);
  const safe = parts.filter((part) => part !== '' && part !== '.' && part !== '..');
  return `${join(...safe)}${line === '' ? '' : `-${line}`}`;
}
