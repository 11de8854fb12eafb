import type { FeatureMatrix } from '@cadenza/audio';
import { plannedSteps, resolveAutomatic, trainerOptions, type TrainingPlace } from '@cadenza/cli';
import {
  ctcGreedy,
  Random,
  Trainer,
  type AcousticModel,
  type EvaluationContext,
  type LossFunction,
} from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { scoreClasses, scoreFrames, type ScoringOptions } from './acoustics.js';
import {
  classifiedTensors,
  evaluationBatches,
  trainingSource,
  transcribedTensors,
  type FeatureRow,
  type FeatureRows,
} from './batches.js';
import type { Config } from './config.js';
import { byRecording } from './cutting.js';
import { alignmentSteps } from './dropped.js';
import { scoreTranscripts } from './evaluate.js';
import { joinTexts } from './formats.js';
import { createModel } from './model.js';
import type { PreparedSpeech } from './prepare.js';
import type { SymbolTable } from './symbols.js';

/** A recording of the validation part: all of it, of which the loss is, and what is recognised of it one by one. */
export interface ValidationRow extends FeatureRow {
  parts: readonly FeatureMatrix[];
}

/** An acoustic model, the trainer that teaches it, and what both were made from. */
export interface Training {
  config: Config;
  speech: PreparedSpeech;
  model: AcousticModel;
  /** The validation part as the network reads it. */
  rows: readonly ValidationRow[];
  trainer: Trainer<FeatureRows>;
  /** Steps until the planned end. */
  plannedSteps: number;
  batchesPerEpoch: number;
}

/** Makes the model and its trainer. Everything random comes from the configuration's seed. */
export function createTraining(config: Config, speech: PreparedSpeech, options: TrainingPlace = {}): Training {
  const random = new Random(config.seed);
  const { symbols, pipeline } = speech;
  const source = trainingSource(speech.train, symbols, pipeline, config, random.fork('recordings'));
  const planned = plannedSteps(config.training, source.batchesPerEpoch);
  const resolved = resolveAutomatic(config, planned);
  const { monitoring } = resolved;
  const model = createModel(config, pipeline.dimension, symbols, random.fork('model'));
  const rows = speech.validation.map((recording) => {
    const features = pipeline.finish(recording.frames, recording.voice);
    const parts = recording.parts?.map(({ frames, voice }) => pipeline.finish(frames, voice)) ?? [features];
    return { features, parts, labels: symbols.encode(recording.text).ids };
  });
  const watched: Watched = { config: resolved, speech, model, rows };
  const trainer = new Trainer<FeatureRows>({
    ...trainerOptions(resolved, planned, options),
    parameters: model.parameters,
    loss: trainingLoss(model, resolved),
    source,
    random: random.fork('training'),
    tokens: ({ frames }) => frames,
    validation: {
      every: monitoring.validationSteps!,
      run: () => validate(watched),
      metric: monitoring.criterion,
      goal: 'minimum',
    },
    sampling:
      monitoring.samples > 0
        ? { every: monitoring.validationSteps!, run: (context) => transcribeSamples(watched, context) }
        : undefined,
  });
  return { ...watched, trainer, plannedSteps: planned, batchesPerEpoch: source.batchesPerEpoch };
}

/** The loss of one batch: CTC, or cross-entropy over labels. */
function trainingLoss(model: AcousticModel, { task, training }: Config): LossFunction<FeatureRows> {
  return ({ rows }, _, { random }) => {
    const { consistency, labelSmoothing } = training;
    const options = { training: true, random, consistency };
    if (task === 'transcribe') return { loss: model.ctcLoss(transcribedTensors(rows), options).loss };
    return { loss: model.classificationLoss(classifiedTensors(rows), { ...options, labelSmoothing }).loss };
  };
}

type Watched = Pick<Training, 'config' | 'speech' | 'model' | 'rows'>;

/** The error rates of the validation part without a language model, and its loss per recording. */
async function validate(watched: Watched): Promise<{ wer: number; cer: number; accuracy: number; loss: number }> {
  const { speech, rows } = watched;
  const hypotheses = await recognize(watched, rows);
  const { wer, cer, accuracy } = scoreTranscripts(
    speech.validation.map(({ text }) => text),
    hypotheses,
  );
  return { wer, cer, accuracy, loss: await meanLoss(watched) };
}

/** The likeliest symbols of each recording, or its likeliest label, as text. */
async function recognize(
  { config, model, speech }: Watched,
  rows: readonly ValidationRow[],
  options: ScoringOptions = {},
): Promise<string[]> {
  const parts = rows.map((row) => row.parts);
  if (config.task === 'classify') {
    return joinParts(parts, likeliestLabels(await scoreClasses(model, parts.flat(), options), speech.symbols));
  }
  const scores = await scoreFrames(model, parts.flat(), options);
  return joinParts(
    parts,
    scores.map((frames) => speech.symbols.decode(ctcGreedy(frames).symbols.map(({ symbol }) => symbol))),
  );
}

/** The texts of recordings of those of their parts, one after another. */
export function joinParts(recordings: readonly { length: number }[], texts: readonly string[]): string[] {
  return byRecording(recordings, texts).map((own) => joinTexts(own.map((text) => ({ text }))));
}

/** Of what is said of each recording, [V]; nothing where nothing is said. */
export function likeliestLabels(scores: readonly (Float32Array | undefined)[], symbols: SymbolTable): string[] {
  return scores.map((values) => (values ? symbols.decode([1 + indexOfLargest(values)]) : ''));
}

function indexOfLargest(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 1; index < values.length; index++) if (values[index] > values[largest]) largest = index;
  return largest;
}

async function meanLoss({ config, model, rows }: Watched): Promise<number> {
  // A label that the training part does not have cannot be learned, and has no loss; nor has a text that CTC cannot align.
  const counted = rows.filter(({ features, labels }) =>
    config.task === 'classify' ? labels.length === 1 : alignmentSteps(labels) <= features.frames,
  );
  let sum = 0;
  for (const places of evaluationBatches(
    counted.map(({ features }) => features.frames),
    4000,
  )) {
    const batch = places.map((place) => counted[place]);
    const losses = tf.tidy(() =>
      config.task === 'classify'
        ? model.classificationLoss(classifiedTensors(batch)).losses
        : model.ctcLoss(transcribedTensors(batch)).losses,
    );
    for (const loss of await losses.data()) sum += loss;
    losses.dispose();
  }
  return sum / Math.max(1, counted.length);
}

/** Some validation recordings with what the model hears in them. */
async function transcribeSamples(watched: Watched, { random }: EvaluationContext): Promise<string> {
  const { config, speech, rows } = watched;
  const places = Array.from({ length: config.monitoring.samples }, () => random.integer(rows.length));
  const heard = await recognize(
    watched,
    places.map((place) => rows[place]),
  );
  return places.map((place, index) => `said  ${speech.validation[place].text}\nheard ${heard[index]}`).join('\n');
}
