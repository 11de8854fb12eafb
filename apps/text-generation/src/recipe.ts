import type { OptimizerOptions, ScheduleOptions } from '@cadenza/core';
import type { Config } from './config.js';

/** The optimizer in core's words: only what was set, so that core refuses what the chosen one does not know. */
export function optimizerOptions({ training }: Config): OptimizerOptions {
  return present(training.optimizer) as unknown as OptimizerOptions;
}

/** The schedule in core's words; a cosine without an end of its own ends with the run. */
export function scheduleOptions({ training }: Config, plannedSteps: number): ScheduleOptions {
  const { schedule, learningRate } = training;
  const steps = schedule.name === 'cosine' && schedule.steps === null ? { steps: plannedSteps } : {};
  return { ...present(schedule), ...steps, learningRate } as unknown as ScheduleOptions;
}

/** Steps until the first limit in epochs or steps; time is no part of the plan. */
export function plannedSteps({ training }: Config, batchesPerEpoch: number): number {
  return Math.max(1, Math.min(training.maxSteps ?? Infinity, Math.ceil(training.epochs * batchesPerEpoch)));
}

/** Without the entries that are null. */
function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
