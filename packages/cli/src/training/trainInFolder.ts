import { plural, type Trainer, type TrainingResult } from '@cadenza/core';
import type { StartedBackend } from '../backend.js';
import type { Output } from '../output.js';
import { rewriteConfig } from '../runDescription.js';
import { claimRun } from '../runFolder.js';
import { checkDiskSpace } from './diskSpace.js';
import type { WatchedConfig } from './recipe.js';
import { warnOfScheduleEnd } from './scheduleEnd.js';
import type { LearningConfig } from './schemas.js';
import type { TrainingDisplay } from './trainingDisplay.js';

/** What every app's training has. */
interface AnyTraining {
  config: { training: LearningConfig; monitoring: WatchedConfig };
  model: { parameterCount: number };
  trainer: Pick<Trainer<unknown>, 'resume' | 'train' | 'step'>;
  plannedSteps: number;
}

/** A training that is kept in a run folder, from its start or its last checkpoint to its end. */
export interface FolderTraining<Evaluation> {
  directory: string;
  resume: boolean;
  /** Files that a new run begins with; see {@link claimRun}. */
  leftovers: readonly string[];
  training: AnyTraining;
  display: TrainingDisplay;
  /** What tokens are called, such as characters or words. */
  unit: string;
  backend: StartedBackend;
  /** Makes what takes long and has to be there before the first step, once the folder is held; false where that was stopped. */
  prepare?: () => Promise<boolean>;
  /** Writes the first files of a new run. */
  writeStart: () => void;
  /** A line for people on what is trained. */
  introduction: string;
  /** Measures the best weights and says what came out, while the folder is still held; undefined where that was stopped. */
  evaluate: () => Promise<Evaluation | undefined>;
  /** Writes the report and gives its path. */
  writeReport: (evaluation?: Evaluation) => string;
}

/** Takes the folder, trains, measures, reports, and gives the folder back; a new run that made no step leaves nothing behind. */
export async function trainInFolder<Evaluation>(folder: FolderTraining<Evaluation>, output: Output): Promise<void> {
  const { directory, resume, leftovers, display, unit } = folder;
  const { config, model, trainer, plannedSteps } = folder.training;
  if (!resume) {
    checkDiskSpace(directory, model.parameterCount, config.training, config.monitoring.keepCheckpoints);
  }
  const claim = claimRun(directory, { resume, leftovers });
  let kept = resume;
  try {
    if ((await folder.prepare?.()) === false) return;
    if (resume) output.say(`Resuming ${directory} at step ${await trainer.resume()}`);
    warnOfScheduleEnd(config.training, { firstStep: trainer.step, plannedSteps }, output);
    if (resume) rewriteConfig(directory, config, folder.backend);
    else folder.writeStart();
    output.say(folder.introduction);
    display.start({ firstStep: trainer.step, plannedSteps, maxMinutes: config.training.maxMinutes, unit });
    const result = await trainer.train();
    kept = true;
    display.stop();
    sayWhyStopped(folder, result, output);
    const evaluation = await folder.evaluate();
    report(folder, result, evaluation, output);
  } finally {
    display.stop();
    claim.release({ discard: !kept && trainer.step === 0 });
  }
}

/** A line on a training that ended before its plan did, by its own limits. */
function sayWhyStopped(
  { directory, training }: Pick<FolderTraining<unknown>, 'directory' | 'training'>,
  { reason, step }: TrainingResult,
  output: Output,
): void {
  const { config, plannedSteps } = training;
  if (step >= plannedSteps) return;
  const place = `at step ${step} of ${plannedSteps}`;
  if (reason === 'earlyStopping') output.say(`stopped ${place}: validations got no better`);
  if (reason === 'maxMinutes') {
    const minutes = plural(config.training.maxMinutes!, 'minute');
    output.say(`stopped after ${minutes}, ${place}; train --run ${directory} --resume goes on for as long again`);
  }
}

function report<Evaluation>(
  { directory, backend, training, writeReport }: FolderTraining<Evaluation>,
  result: TrainingResult,
  evaluation: Evaluation | undefined,
  output: Output,
): void {
  const path = writeReport(evaluation);
  output.say(`run: ${directory}\nreport: ${path}`);
  output.object({
    run: directory,
    steps: result.step,
    epochs: result.epoch ?? 0,
    seconds: result.seconds,
    tokens_per_second: result.tokensPerSecond,
    best: result.best === undefined ? null : { step: result.best.step, ...result.best.metrics },
    stopped: result.reason,
    backend: backend.name,
    precision: backend.precision,
    parameters: training.model.parameterCount,
    ...(evaluation === undefined ? {} : { evaluation }),
    report: path,
  });
}
