import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ActionContext } from '@cadenza/cli';
import {
  assignWeights,
  CheckpointStore,
  InputError,
  Random,
  toBits,
  Trainer,
  type EvaluationContext,
  type RecurrentLanguageModel,
  type TrainerHooks,
  type TrainingResult,
} from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Config } from './config.js';
import { parallelStreamLoss, streamLoss, windowedLoss } from './evaluate.js';
import { trainingLoss, trainingSource } from './learning.js';
import { createModel } from './model.js';
import type { PreparedText } from './prepare.js';
import { optimizerOptions, plannedSteps, scheduleOptions } from './recipe.js';
import { protocolResult, type Evaluation } from './results.js';
import { TextGenerator } from './textGenerator.js';

/** A text model, the trainer that teaches it, and what both were made from. */
export interface Training {
  config: Config;
  text: PreparedText;
  model: RecurrentLanguageModel;
  trainer: Trainer<unknown>;
  /** Steps until the planned end. */
  plannedSteps: number;
  batchesPerEpoch: number;
}

export interface TrainingOptions {
  /** The run folder; without it nothing is written. */
  directory?: string;
  signal?: AbortSignal;
  hooks?: TrainerHooks;
}

/** Makes the model and its trainer. Everything random comes from the configuration's seed. */
export function createTraining(config: Config, text: PreparedText, options: TrainingOptions = {}): Training {
  const random = new Random(config.seed);
  const model = createModel(config, text.tokenizer.vocabulary.size, random.fork('model'));
  const source = trainingSource(text.train, config, random.fork('offsets'));
  const planned = plannedSteps(config, source.batchesPerEpoch);
  const resolved = resolveAutomatic(config, planned);
  const { training, monitoring } = resolved;
  const initialCarry = model.initialState(training.batchSize);
  const trainer = new Trainer({
    parameters: model.parameters,
    loss: trainingLoss(model, resolved),
    source,
    random: random.fork('training'),
    optimizer: optimizerOptions(resolved),
    schedule: scheduleOptions(resolved, planned),
    initialCarry,
    clip: {
      ...(training.clipNorm > 0 ? { norm: training.clipNorm } : {}),
      ...(training.clipValue > 0 ? { value: training.clipValue } : {}),
    },
    average: training.ema > 0 ? { decay: training.ema } : undefined,
    tokens: (batch) => batch.predictions,
    validation: { every: monitoring.validationSteps!, run: () => validate(model, text, resolved) },
    sampling:
      monitoring.sampleLength > 0
        ? { every: monitoring.validationSteps!, run: (context) => sample(model, text, resolved, context) }
        : undefined,
    earlyStopping: monitoring.patience === null ? undefined : { patience: monitoring.patience },
    ...(options.directory === undefined
      ? {}
      : { run: options.directory, checkpoints: { everySteps: monitoring.checkpointSteps! } }),
    log: { every: monitoring.logSteps },
    maxSteps: planned,
    maxMinutes: training.maxMinutes ?? undefined,
    signal: options.signal,
    hooks: options.hooks,
  });
  tf.dispose(initialCarry); // the trainer has its own copy
  return {
    config: resolved,
    text,
    model,
    trainer: trainer as unknown as Trainer<unknown>,
    plannedSteps: planned,
    batchesPerEpoch: source.batchesPerEpoch,
  };
}

/** Fills in what is chosen automatically, so that a resumed run keeps it although its limits may change. */
function resolveAutomatic(config: Config, planned: number): Config {
  const resolved = structuredClone(config);
  const { schedule } = resolved.training;
  if (schedule.name === 'cosine') schedule.steps ??= Math.max(planned, schedule.warmupSteps + 1);
  resolved.monitoring.validationSteps ??= Math.max(1, Math.ceil(planned / 20));
  resolved.monitoring.checkpointSteps ??= resolved.monitoring.validationSteps;
  return resolved;
}

/** The loss per token on (the beginning of) the validation part, in parallel streams. */
async function validate(
  model: RecurrentLanguageModel,
  { validation }: PreparedText,
  { monitoring, training }: Config,
): Promise<{ loss: number; bits: number }> {
  const tokens = validation.subarray(0, (monitoring.validationTokens ?? Infinity) + 1);
  const { nats, predictions } = await parallelStreamLoss(model, tokens, { streams: training.batchSize });
  const loss = nats / predictions;
  return { loss, bits: toBits(loss) };
}

async function sample(
  model: RecurrentLanguageModel,
  { tokenizer }: PreparedText,
  { monitoring }: Config,
  { random }: EvaluationContext,
): Promise<string> {
  const generator = new TextGenerator({ model, tokenizer });
  const text = await generator.generate('', {
    length: monitoring.sampleLength,
    temperature: monitoring.sampleTemperature,
    seed: random.nextUint32(),
  });
  generator.forget(); // the model is trained on
  return text;
}

/** Gives the model the weights of the run's best validation and measures both protocols on the validation part. */
export async function evaluateBest(
  { model, text, config }: Training,
  directory: string,
  { output, signal }: ActionContext,
): Promise<Evaluation> {
  const best = new CheckpointStore(directory, { onWarning: output.warn }).load('best');
  if (best !== undefined) assignWeights(model.parameters, best.weights);
  const tokens = text.validation.subarray(0, (config.monitoring.finalTokens ?? Infinity) + 1);
  const windowed = await windowedLoss(model, tokens, { signal });
  const stream = await streamLoss(model, tokens, { signal });
  return {
    stream: protocolResult(stream, tokens, text.tokenizer),
    windowed: protocolResult(windowed, tokens, text.tokenizer),
  };
}

/** Refuses to start where the disk cannot hold the run's checkpoints. */
export function checkDiskSpace(directory: string, parameters: number, config: Config): void {
  const slots = { adam: 2, adamw: 2, sgd: 1, rmsprop: 2 }[config.training.optimizer.name];
  const copies = 1 + slots + (config.training.ema > 0 ? 1 : 0);
  // The newest two checkpoints, the best one and one being written, and a little for logs and the report.
  const needed = 4 * copies * 4 * parameters + 2 ** 20;
  let place = directory;
  for (;;) {
    try {
      const { bavail, bsize } = statfsSync(place);
      if (bavail * bsize >= needed) return;
      throw new InputError(
        `Expected ${megabytes(needed)} free on the disk for the run, got ${megabytes(bavail * bsize)}: ${directory}`,
        { code: 'ENOSPC' },
      );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(place) === place) throw error;
      place = dirname(place);
    }
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
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
