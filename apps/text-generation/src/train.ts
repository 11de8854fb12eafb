import { plannedSteps, resolveAutomatic, type ActionContext, trainerOptions, type TrainingPlace } from '@cadenza/cli';
import {
  assignWeights,
  CheckpointStore,
  Random,
  toBits,
  Trainer,
  type EvaluationContext,
  type RecurrentLanguageModel,
} from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Config } from './config.js';
import { parallelStreamLoss, streamLoss, windowedLoss } from './evaluate.js';
import { trainingLoss, trainingSource } from './learning.js';
import { createModel } from './model.js';
import type { PreparedText } from './prepare.js';
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

/** Makes the model and its trainer. Everything random comes from the configuration's seed. */
export function createTraining(config: Config, text: PreparedText, options: TrainingPlace = {}): Training {
  const random = new Random(config.seed);
  const model = createModel(config, text.tokenizer.vocabulary.size, random.fork('model'));
  const source = trainingSource(text.train, config, random.fork('offsets'));
  const planned = plannedSteps(config.training, source.batchesPerEpoch);
  const resolved = resolveAutomatic(config, planned);
  const { training, monitoring } = resolved;
  const initialCarry = model.initialState(training.batchSize);
  const trainer = new Trainer({
    ...trainerOptions(resolved, planned, options),
    parameters: model.parameters,
    loss: trainingLoss(model, resolved),
    source,
    random: random.fork('training'),
    initialCarry,
    tokens: (batch) => batch.predictions,
    validation: { every: monitoring.validationSteps!, run: () => validate(model, text, resolved) },
    sampling:
      monitoring.sampleLength > 0
        ? { every: monitoring.validationSteps!, run: (context) => sample(model, text, resolved, context) }
        : undefined,
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
  const end = (config.monitoring.finalTokens ?? Infinity) + 1;
  const tokens = text.validation.subarray(0, end);
  const characters = text.validationCharacters.subarray(0, end);
  const windowed = await windowedLoss(model, tokens, { signal });
  const stream = await streamLoss(model, tokens, { signal });
  return {
    stream: protocolResult(stream, characters),
    windowed: protocolResult(windowed, characters),
  };
}
