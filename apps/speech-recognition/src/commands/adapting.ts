import type { Output } from '@cadenza/cli';
import type { SavedRun } from '../run.js';

/** Of the commands that hear many recordings. */
export const noAdapt = ['--no-adapt', 'do not learn from what is heard, where the run says how'] as const;

/** Says that a run adapts to what it hears, where it does. */
export function tellOfAdapting(
  output: Output,
  { adapt }: { adapt: boolean },
  { config }: Pick<SavedRun, 'config'>,
  recordings: number,
): void {
  const { adaptation } = config.decoding;
  if (!adapt || adaptation.rounds === 0 || recordings < adaptation.least) return;
  output.say('the model adapts to the recordings, which it hears together (--no-adapt: it does not)');
}
