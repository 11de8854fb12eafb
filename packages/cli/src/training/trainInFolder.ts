import type { Trainer, TrainingResult } from '@cadenza/core';
import type { Output } from '../output.js';
import { claimRun } from '../runFolder.js';
import type { DisplayedPlan, TrainingDisplay } from './trainingDisplay.js';

/** A training that is kept in a run folder, from its start or its last checkpoint to its end. */
export interface FolderTraining {
  directory: string;
  resume: boolean;
  /** Files that a new run begins with; see {@link claimRun}. */
  leftovers: readonly string[];
  trainer: Pick<Trainer<unknown>, 'resume' | 'train' | 'step'>;
  display: TrainingDisplay;
  plan: Omit<DisplayedPlan, 'firstStep'>;
  /** Writes the first files of a new run. */
  writeStart: () => void;
  /** A line for people on what is trained. */
  introduction: string;
  /** What follows the last step, while the folder is still held. */
  finish: (result: TrainingResult) => Promise<void>;
}

/** Takes the folder, trains, and gives the folder back; a new run that made no step leaves nothing behind. */
export async function trainInFolder(training: FolderTraining, output: Output): Promise<void> {
  const { directory, resume, leftovers, trainer, display, plan } = training;
  const claim = claimRun(directory, { resume, leftovers });
  let kept = resume;
  try {
    if (resume) output.say(`Resuming ${directory} at step ${await trainer.resume()}`);
    else training.writeStart();
    output.say(training.introduction);
    display.start({ firstStep: trainer.step, ...plan });
    const result = await trainer.train();
    kept = true;
    display.stop();
    await training.finish(result);
  } finally {
    display.stop();
    claim.release({ discard: !kept && trainer.step === 0 });
  }
}

/** The fields of `train --json` that come from the training itself. */
export function trainingSummary(result: TrainingResult): Record<string, unknown> {
  return {
    steps: result.step,
    epochs: result.epoch ?? 0,
    seconds: result.seconds,
    tokens_per_second: result.tokensPerSecond,
    best: result.best === undefined ? null : { step: result.best.step, ...result.best.metrics },
    stopped: result.reason,
  };
}
