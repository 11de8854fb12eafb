export * from './portable.js';
export type { CheckpointState, Checkpoint } from './checkpointFolder.js';
export { CheckpointStore, type CheckpointStoreOptions, type LoadedCheckpoint } from './checkpointStore.js';
export { defaultFileSystem, replaceFile, type FileSystem } from './fileSystem.js';
export { MetricsLog, readMetrics, truncateMetrics, type MetricsLine } from './metricsLog.js';
export { readSafetensors, writeSafetensors } from './safetensorsFile.js';
export { EventWriter, type EventWriterOptions } from './tensorboard.js';
export { Trainer } from './trainer.js';
export type {
  BatchSource,
  CheckpointOptions,
  EvaluationContext,
  LogOptions,
  LossFunction,
  LossResult,
  SamplingOptions,
  StepReport,
  TrainerHooks,
  TrainerOptions,
  TrainingResult,
  ValidationOptions,
  ValidationReport,
} from './trainerOptions.js';
