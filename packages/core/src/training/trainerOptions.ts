import type * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../random.js';
import type { ClipOptions } from './clipping.js';
import type { Metrics, Parameters, StopReason } from './trainingTypes.js';
import type { EarlyStoppingOptions } from './earlyStopping.js';
import type { FileSystem } from './fileSystem.js';
import type { Json } from './json.js';
import type { GuardOptions } from './nonFiniteGuard.js';
import type { OptimizerOptions } from './optimizers/createOptimizer.js';
import type { Optimizer } from './optimizers/optimizer.js';
import type { Schedule, ScheduleOptions } from './schedule.js';
import type { AverageOptions } from './weightAverage.js';

/**
 * Where batches come from. `next` may wrap around for ever, or return null where the data ends and from then on. `state`
 * says where the source stands so that `restore` puts an equal source there: the checkpoint's cursor.
 */
export interface BatchSource<Batch> {
  next(): Batch | null | Promise<Batch | null>;
  state(): Json;
  restore(state: Json): void;
  /** Epochs read so far, fractions allowed; logged when present. */
  readonly epoch?: number;
}

/** What a loss closure computes. It runs inside the gradient's tidy, so it may leave tensors lying about. */
export interface LossResult {
  /** The scalar to minimise. */
  loss: tf.Tensor;
  /** The recurrent state for the next batch, as many tensors as came in; no gradient flows through it. */
  carry?: tf.Tensor[];
}

/** Computes the loss of one batch. `carry` is the previous batch's, belongs to the trainer, and is not to be disposed. */
export type LossFunction<Batch> = (
  batch: Batch,
  carry: tf.Tensor[],
  context: { random: Random; training: true },
) => LossResult;

/** Handed to validation and sampling. Its random numbers come from those of training as they stand at the step, and never move them. */
export interface EvaluationContext {
  step: number;
  random: Random;
}

export interface ValidationOptions {
  /** Validate after every so many steps, and once more at the end. */
  every: number;
  /** Measures the model, whose parameters hold the averaged weights where averaging is on. */
  run: (context: EvaluationContext) => Metrics | Promise<Metrics>;
  /** The metric that decides what is best: `loss` when absent. */
  metric?: string;
  /** `minimum` when absent. */
  goal?: 'minimum' | 'maximum';
}

export interface SamplingOptions {
  /** Sample after every so many steps. */
  every: number;
  /** Returns text to show, to log, and to keep in the TensorBoard events. */
  run: (context: EvaluationContext) => string | Promise<string>;
}

export interface CheckpointOptions {
  everySteps?: number;
  /** By the clock. When a checkpoint is written has no influence on the numbers. */
  everySeconds?: number;
  /** How many of the newest to keep, besides the best: 2 when absent. */
  keep?: number;
}

export interface LogOptions {
  /** A line of metrics.jsonl after every so many steps: 10 when absent. */
  every?: number;
  /** Write TensorBoard event files: true when absent. */
  tensorboard?: boolean;
}

/** One finished step, as `onStep` sees it. */
export interface StepReport {
  /** Counts from 1. */
  step: number;
  /** Where the step was skipped, this or the norm is NaN or infinite. */
  loss: number;
  /** The norm of all gradients before clipping by norm. */
  gradientNorm: number;
  learningRate: number;
  skipped: boolean;
  epoch?: number;
  /** The median of the last steps. */
  tokensPerSecond: number;
  /** Since `train` was called. */
  seconds: number;
}

export interface ValidationReport {
  step: number;
  metrics: Metrics;
  /** Better than every validation before. */
  isBest: boolean;
  /** The additional validation at the end of training. */
  final: boolean;
}

export interface TrainerHooks {
  onStep?: (report: StepReport) => void;
  /** The step whose line was just logged, `loss` being the mean since the line before. */
  onLog?: (report: StepReport) => void;
  onValidate?: (report: ValidationReport) => void;
  onSample?: (report: { step: number; text: string }) => void;
  onCheckpoint?: (report: { step: number; directory: string }) => void;
  /** One line for a person, such as a damaged checkpoint that was passed over. */
  onWarning?: (line: string) => void;
}

export interface TrainerOptions<Batch> {
  /** In a fixed order, with names that stay the same from run to run. Variables that are not trainable are saved only. */
  parameters: Parameters;
  loss: LossFunction<Batch>;
  source: BatchSource<Batch>;
  /** Moved by the loss closure (dropout); kept in checkpoints. */
  random: Random;
  optimizer: OptimizerOptions | Optimizer;
  schedule: ScheduleOptions | Schedule;
  /** The recurrent state of the first batch. Copied; the caller keeps its own. */
  initialCarry?: tf.Tensor[];
  clip?: ClipOptions;
  average?: AverageOptions;
  guard?: GuardOptions;
  /** Batches whose gradients are averaged for one step: 1 when absent. The last step of data that ends may have fewer. */
  accumulate?: number;
  /** How many tokens a batch has, for the speed. */
  tokens?: (batch: Batch) => number;
  validation?: ValidationOptions;
  sampling?: SamplingOptions;
  earlyStopping?: EarlyStoppingOptions;
  /** The run folder. Without it nothing is written. */
  run?: string;
  /** Written as config.json when a new run starts. */
  config?: Json;
  checkpoints?: CheckpointOptions;
  log?: LogOptions;
  /** Train up to this step, counted from the start of the run. */
  maxSteps?: number;
  /** Stop after so many minutes of this call of `train`. */
  maxMinutes?: number;
  /** When aborted, the trainer saves and stops. */
  signal?: AbortSignal;
  hooks?: TrainerHooks;
  /** For tests of full disks and the like. */
  fileSystem?: FileSystem;
}

export interface TrainingResult {
  reason: StopReason;
  /** Steps of the whole run. */
  step: number;
  /** Seconds of this call of `train`. */
  seconds: number;
  epoch?: number;
  /** The median over steps. */
  tokensPerSecond: number;
  /** Steps without an update because of a non-finite loss or gradient. */
  skippedSteps: number;
  best?: { step: number; metrics: Metrics };
}
