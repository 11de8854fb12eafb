import type { Output } from '../output.js';
import type { LearningConfig } from './schemas.js';

/** The part of the learning rate from which on its course is said to have come to an end. */
const little = 0.001;

/** Warns where a training goes on beyond the end of its cosine, as a run does that was finished and is given more steps. */
export function warnOfScheduleEnd(
  { schedule, learningRate }: LearningConfig,
  { firstStep, plannedSteps }: { firstStep: number; plannedSteps: number },
  output: Output,
): void {
  const end = schedule.name === 'cosine' ? (schedule.steps ?? plannedSteps) : Infinity;
  const fraction = schedule.finalFraction ?? 0;
  if (firstStep >= plannedSteps || end >= plannedSteps || fraction >= little) return;
  const steps = `steps ${Math.max(firstStep, end) + 1} to ${plannedSteps}`;
  const why = `the cosine ends at step ${end}; --set training.schedule.steps=${plannedSteps} lets it end with the run`;
  output.warn(`The learning rate is ${learningRate * fraction} in ${steps}: ${why}`);
}
