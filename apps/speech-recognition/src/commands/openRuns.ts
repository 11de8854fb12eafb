import type { Output } from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import { checkSearchTogether } from '../recognizer.js';
import { openRun, type OpenRun } from '../run.js';

/** What `--run` is. */
export const severalRuns = 'the run of the model, or several with commas between them, which hear together';

/** Opens the runs of `--run`, and tells which they are. @throws {ConfigError} for a search that several runs cannot do together */
export function openRuns(
  { run, checkpoint, greedy }: { run: string; checkpoint: 'best' | 'latest'; greedy?: boolean },
  output: Output,
): [OpenRun, ...OpenRun[]] {
  const [first, ...others] = run.split(',').filter((folder) => folder !== '');
  if (first === undefined) throw new InputError(`Expected --run to be a run folder, got "${run}"`);
  const open = (folder: string): OpenRun => {
    const opened = openRun(folder, { checkpoint, onWarning: output.warn });
    output.say(`${opened.directory}, step ${opened.step} (${checkpoint})`);
    return opened;
  };
  const runs: [OpenRun, ...OpenRun[]] = [open(first), ...others.map(open)];
  checkSearchTogether(runs, greedy ? 'greedy' : undefined);
  return runs;
}
