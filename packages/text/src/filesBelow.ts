import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface FilesBelowOptions {
  /** Passes over what has a name that begins with a period. False unless told. */
  skipHidden?: boolean;
  /** Is told of each folder that cannot be read, the first one too; where it does not throw, the others are read. */
  onUnreadable: (path: string, cause: NodeJS.ErrnoException) => void;
}

/**
 * What is below a folder and no folder itself, by paths from there, links to nowhere among it. A link to a folder is followed where no
 * other path has led there; folders that stand there themselves come first, so that what a file is called depends on names alone.
 */
export async function filesBelow(
  folder: string,
  { skipHidden = false, onUnreadable }: FilesBelowOptions,
): Promise<string[]> {
  const files: string[] = [];
  const links: string[] = [];
  const visited = new Set<string>();
  const entriesOf = async (path: string): Promise<Dirent[]> => {
    const real = await realpath(path);
    if (visited.has(real)) return [];
    visited.add(real);
    const entries = await readdir(path, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  };
  const visit = async (below: string): Promise<void> => {
    const path = below === '' ? folder : join(folder, below);
    const entries = await entriesOf(path).catch((cause: NodeJS.ErrnoException) => {
      onUnreadable(path, cause);
      return [];
    });
    for (const entry of entries) {
      if (skipHidden && entry.name.startsWith('.')) continue;
      const name = join(below, entry.name);
      if (entry.isDirectory()) await visit(name);
      else if (entry.isSymbolicLink() && (await leadsToFolder(join(folder, name)))) links.push(name);
      else files.push(name);
    }
  };
  await visit('');
  for (const link of links) await visit(link); // grows as it goes
  return files;
}

/** A link that leads nowhere, or round, leads to no folder. */
async function leadsToFolder(link: string): Promise<boolean> {
  const info = await stat(link).catch(() => undefined);
  return info?.isDirectory() ?? false;
}
