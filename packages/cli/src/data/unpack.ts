import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CadenzaError } from '@cadenza/core';

/**
 * Unpacks one folder of a tar archive, compressed by gzip or not, beside it. Only files and folders are taken, none outside; the folder takes
 * its name when all of it is there, so that a stop leaves nothing that looks whole. Returns false when it was there before.
 *
 * @param content the path of the folder in the archive, which it keeps
 */
export async function unpack(archive: string, content: string): Promise<boolean> {
  const target = join(dirname(archive), content);
  if (existsSync(target)) return false;
  const { extract } = await import('tar');
  const unfinished = `${archive}.unpacking`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  try {
    await extract({
      ...{ file: archive, cwd: unfinished, strict: true },
      filter: (_, entry) => 'type' in entry && ['File', 'OldFile', 'ContiguousFile', 'Directory'].includes(entry.type),
    });
    if (!existsSync(join(unfinished, content))) throw new Error('no such folder in it');
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(unfinished, content), target);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new CadenzaError(`Expected to unpack ${content} from ${archive}, got: ${got}`, { code: 'UNPACK', cause });
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return true;
}
