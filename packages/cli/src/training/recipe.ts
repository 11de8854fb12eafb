import type { ClipOptions, OptimizerOptions, ScheduleOptions, TrainerHooks } from '@cadenza/core';
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
  // 1.1 epochs of 50 batches are 55 steps, though the product is a little more.
  const steps = Math.ceil(Number((epochs * batchesPerEpoch).toPrecision(12)));
  return Math.max(1, Math.min(maxSteps ?? Infinity, steps));
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

/** Where a training writes, and who follows it. */
export interface TrainingPlace {
  /** The run folder; without it nothing is written. */
  directory?: string;
  signal?: AbortSignal;
  hooks?: TrainerHooks;
}

/** The options of core's trainer that every resolved configuration decides alike. */
export function trainerOptions(
  { training, monitoring }: TrainedConfig & { monitoring: WatchedConfig },
  planned: number,
  { directory, signal, hooks }: TrainingPlace,
) {
  const checkpoints = { everySteps: monitoring.checkpointSteps!, keep: monitoring.keepCheckpoints };
  return {
    optimizer: optimizerOptions(training),
    schedule: scheduleOptions(training, planned),
    clip: clipOptions(training),
    average: training.ema > 0 ? { decay: training.ema } : undefined,
    earlyStopping: monitoring.patience === null ? undefined : { patience: monitoring.patience },
    ...(directory === undefined ? {} : { run: directory, checkpoints }),
    log: { every: monitoring.logSteps },
    maxSteps: planned,
    maxMinutes: training.maxMinutes ?? undefined,
    ...{ signal, hooks },
  };
}

/** What a trainer is watched by; without `keepCheckpoints` core says how many are kept. */
export interface WatchedConfig {
  logSteps: number;
  patience: number | null;
  keepCheckpoints?: number;
}

/** Without the entries that are null. */
function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
