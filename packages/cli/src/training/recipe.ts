import type { ClipOptions, OptimizerOptions, ScheduleOptions } from '@cadenza/core';
import type { LearningConfig } from './schemas.js';

/** The optimizer in core's words: only what was set, so that core refuses what the chosen one does not know. */
export function optimizerOptions({ optimizer }: LearningConfig): OptimizerOptions {
  return present(optimizer) as unknown as OptimizerOptions;
}

/** The schedule in core's words; a cosine without an end of its own ends with the run. */
export function scheduleOptions({ schedule, learningRate }: LearningConfig, plannedSteps: number): ScheduleOptions {
  const steps = schedule.name === 'cosine' && schedule.steps === null ? { steps: plannedSteps } : {};
  return { ...present(schedule), ...steps, learningRate } as unknown as ScheduleOptions;
}

/** The limits of gradients in core's words. */
export function clipOptions({ clipNorm, clipValue }: LearningConfig): ClipOptions {
  return { ...(clipNorm > 0 ? { norm: clipNorm } : {}), ...(clipValue > 0 ? { value: clipValue } : {}) };
}

/** Steps until the first limit in epochs or steps; time is no part of the plan. */
export function plannedSteps({ maxSteps, epochs }: LearningConfig, batchesPerEpoch: number): number {
  return Math.max(1, Math.min(maxSteps ?? Infinity, Math.ceil(epochs * batchesPerEpoch)));
}

/** Whatever configuration trains and is watched. */
interface TrainedConfig {
  training: LearningConfig;
  monitoring: { validationSteps: number | null; checkpointSteps: number | null };
}

/** Fills in what is chosen automatically, so that a resumed run keeps it although its limits may change. */
export function resolveAutomatic<Config extends TrainedConfig>(config: Config, planned: number): Config {
  const resolved = structuredClone(config);
  const { schedule } = resolved.training;
  if (schedule.name === 'cosine') schedule.steps ??= Math.max(planned, schedule.warmupSteps + 1);
  resolved.monitoring.validationSteps ??= Math.max(1, Math.ceil(planned / 20));
  resolved.monitoring.checkpointSteps ??= resolved.monitoring.validationSteps;
  return resolved;
}

/** Without the entries that are null. */
function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
