import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '@cadenza/core';
import type { LearningConfig } from './schemas.js';

/**
 * Refuses to start where the disk cannot hold the run's checkpoints.
 *
 * @param kept how many of the newest checkpoints are kept; 2 unless told
 */
export function checkDiskSpace(
  directory: string,
  parameters: number,
  { optimizer, ema }: Pick<LearningConfig, 'optimizer' | 'ema'>,
  kept = 2,
): void {
  const slots = { adam: 2, adamw: 2, sgd: 1, rmsprop: 2 }[optimizer.name];
  const copies = 1 + slots + (ema > 0 ? 1 : 0);
  // The newest checkpoints, the best one and one being written, and a little for logs and the report.
  const needed = (kept + 2) * copies * 4 * parameters + 2 ** 20;
  let place = directory;
  for (;;) {
    try {
      const { bavail, bsize } = statfsSync(place);
      if (bavail * bsize >= needed) return;
      throw new InputError(
        `Expected ${megabytes(needed)} free on the disk for the run, got ${megabytes(bavail * bsize)}: ${directory}`,
        { code: 'ENOSPC' },
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(place) === place) throw error;
      place = dirname(place);
    }
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
