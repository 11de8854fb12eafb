export type { CheckpointState, Checkpoint } from './checkpointFolder.js';
export { CheckpointStore, type CheckpointStoreOptions, type LoadedCheckpoint } from './checkpointStore.js';
export { clipByValue, clipFactor, type ClipOptions } from './clipping.js';
export { EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.js';
export { defaultFileSystem, replaceFile, type FileSystem } from './fileSystem.js';
export type { Json } from './json.js';
export { MetricsLog, readMetrics, truncateMetrics, type MetricsLine } from './metricsLog.js';
export { NonFiniteGuard, type GuardOptions } from './nonFiniteGuard.js';
export { Adam, type AdamOptions, type AdamWOptions } from './optimizers/adam.js';
export { createOptimizer, type OptimizerOptions } from './optimizers/createOptimizer.js';
export type { Optimizer, UpdateOptions } from './optimizers/optimizer.js';
export { RmsProp, type RmsPropOptions } from './optimizers/rmsProp.js';
export { Sgd, type SgdOptions } from './optimizers/sgd.js';
export { decodeSafetensors, encodeSafetensors, type Safetensors } from './safetensors.js';
export { readSafetensors, writeSafetensors } from './safetensorsFile.js';
export { createSchedule, type Schedule, type ScheduleOptions } from './schedule.js';
export { EventWriter, type EventWriterOptions } from './tensorboard.js';
export { assignWeights, makeTensor, readTensors, type TensorData } from './tensorData.js';
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
export type { Best, Metrics, Parameters, StopReason } from './trainingTypes.js';
export { WeightAverage, type AverageOptions } from './weightAverage.js';
