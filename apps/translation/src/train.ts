import { plannedSteps, resolveAutomatic, trainerOptions, type TrainingPlace } from '@cadenza/cli';
import {
  assignWeights,
  bleu,
  Random,
  Trainer,
  unfilled,
  type EvaluationContext,
  type LossFunction,
  type SequenceToSequence,
  type TensorData,
} from '@cadenza/core';
import { pairTensors, teacherTensors, trainingSource, type EncodedPair, type PairRows } from './batches.js';
import type { Config } from './config.js';
import { defaultDistillation } from './distillation.js';
import { pairLoss } from './evaluate.js';
import { createModel } from './model.js';
import type { PreparedPairs } from './prepare.js';
import { Translator } from './translator.js';

/** A translation model, the trainer that teaches it, and what both were made from. */
export interface Training {
  config: Config;
  pairs: PreparedPairs;
  model: SequenceToSequence;
  trainer: Trainer<PairRows>;
  /** Steps until the planned end. */
  plannedSteps: number;
  batchesPerEpoch: number;
}

export interface TrainingOptions extends TrainingPlace {
  /** The weights to begin with in place of random ones. */
  weights?: ReadonlyMap<string, TensorData>;
  /** The training pairs as teachers read them, which must have been heard before the first step. */
  readings?: readonly (readonly EncodedPair[])[];
  /** The trainer will resume from a checkpoint, whose weights take the place of random ones. */
  resumes?: boolean;
}

/** Makes the model and its trainer. Everything random comes from the configuration's seed. */
export function createTraining(config: Config, pairs: PreparedPairs, options: TrainingOptions = {}): Training {
  const random = new Random(config.seed);
  const source = trainingSource(pairs.train, pairs.codec, config, random.fork('pairs'), options.readings);
  const planned = plannedSteps(config.training, source.batchesPerEpoch);
  const training = options.readings === undefined ? config.training : withDistillation(config.training);
  const resolved = resolveAutomatic({ ...config, training, languages: pairs.languages }, planned);
  const { monitoring } = resolved;
  const { weights, resumes = false } = options;
  const make = (): SequenceToSequence => createModel(config, pairs.codec, random.fork('model'));
  const model = weights !== undefined || resumes ? unfilled(make) : make();
  if (weights !== undefined) assignWeights(model.parameters, weights);
  const watched = { model, pairs, config: resolved };
  const trainer = new Trainer<PairRows>({
    ...trainerOptions(resolved, planned, options),
    parameters: model.parameters,
    loss: trainingLoss(model, resolved),
    source,
    random: random.fork('training'),
    tokens: ({ tokens }) => tokens,
    validation: {
      every: monitoring.validationSteps!,
      run: () => validate(watched),
      metric: 'bleu',
      goal: 'maximum',
    },
    sampling:
      monitoring.samples > 0
        ? { every: monitoring.validationSteps!, run: (context) => translateSamples(watched, context) }
        : undefined,
  });
  return { ...watched, trainer, plannedSteps: planned, batchesPerEpoch: source.batchesPerEpoch };
}

function withDistillation(training: Config['training']): Config['training'] {
  return { ...training, distillation: training.distillation ?? defaultDistillation };
}

/** The loss of one batch by teacher forcing. */
function trainingLoss(model: SequenceToSequence, { training }: Config): LossFunction<PairRows> {
  const { labelSmoothing, coverageLoss, scheduledSampling, consistency, distillation: weight } = training;
  return ({ pairs }, _, { random }) => {
    const options = { training: true, random, labelSmoothing, coverageLoss, scheduledSampling, consistency };
    const teacher = teacherTensors(pairs);
    const distillation = teacher && { ...teacher, weight: weight! };
    return { loss: model.loss(pairTensors(pairs), { ...options, distillation }).loss };
  };
}

type Watched = Pick<Training, 'model' | 'pairs' | 'config'>;

/** BLEU of the first validation pairs' translations, and the loss per target token. */
async function validate({ model, pairs, config }: Watched): Promise<{ bleu: number; loss: number }> {
  const { validationPairs, beam, bleuTokenizer } = config.monitoring;
  const part = pairs.validation.slice(0, validationPairs ?? undefined);
  const loss = await pairLoss(model, part, pairs.codec);
  const translations = await new Translator({ codec: pairs.codec, models: [model] }).translate(
    part.map(({ source }) => source),
    { beam },
  );
  const { score } = bleu(
    translations.map(({ text }) => text),
    part.map(({ target }) => target),
    { tokenize: bleuTokenizer, lowercase: config.text.casing === 'lower' },
  );
  return { bleu: score, loss };
}

/** Some validation pairs with the model's translations of them. */
async function translateSamples({ model, pairs, config }: Watched, { random }: EvaluationContext): Promise<string> {
  const chosen = Array.from({ length: config.monitoring.samples }, () => random.integer(pairs.validation.length)).map(
    (index) => pairs.validation[index],
  );
  const translations = await new Translator({ codec: pairs.codec, models: [model] }).translate(
    chosen.map(({ source }) => source),
    { beam: config.monitoring.beam },
  );
  return translations.map(({ source, text }, index) => `${source}\n→ ${text}\n= ${chosen[index].target}`).join('\n');
}
