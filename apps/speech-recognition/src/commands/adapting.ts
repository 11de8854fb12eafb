import { plural, type Output } from '@cadenza/cli';

/** Of the commands that hear many recordings. */
export const noAdapt = ['--no-adapt', 'do not learn from what is heard, where the run says how'] as const;

/** Says at the first time that a model has adapted to what it hears, and keeps to how many. */
export class AdaptingTeller {
  recordings = 0;

  constructor(private readonly output: Output) {}

  readonly onAdapt = (recordings: number): void => {
    if (this.recordings === 0) {
      this.output.say(`the model has adapted to ${plural(recordings, 'recording')} (--no-adapt: it does not)`);
    }
    this.recordings = Math.max(this.recordings, recordings);
  };
}
