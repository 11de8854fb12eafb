import { fileURLToPath } from 'node:url';
import {
  count,
  fraction,
  learningShape,
  optionalCount,
  precisionSchema,
  Presets,
  seedSchema,
  watchingShape,
  type ConfigSources as Sources,
} from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { z } from 'zod';

const whole = z.int().min(0);
const decibels = z.number().min(-120).max(120);

/** Which recordings are learned from. */
const dataSchema = z.strictObject({
  /** Speakers that are left out of training and validation, to be tested on. */
  withoutSpeakers: z.array(z.string()).default([]),
  /** The part of the recordings that is held out for validation where no manifest for it is named. */
  heldOut: z.number().gt(0).lt(1).default(0.1),
  /** `speaker`: whole speakers are held out, where they are known and enough; `recording`: recordings of any. */
  holdOutBy: z.enum(['speaker', 'recording']).default('speaker'),
  /** Which: the same number, the same ones, whatever the run's seed is, so that runs can be compared; null goes by the run's. */
  holdOutSeed: seedSchema.nullable().default(null),
  /** Whether single digits of synthetic voices, which come with the app, are trained on beside the recordings. */
  syntheticDigits: z.boolean().default(false),
  /** Longer recordings are not trained on; in seconds. */
  maximumSeconds: z.number().positive().default(20),
});

/** How sound becomes frames. */
const featuresSchema = z.strictObject({
  /** `mfcc` and `filterbank` as Kaldi computes them; `sphinx`: the cepstra of Sphinx, which files of features may hold already. */
  kind: z.enum(['mfcc', 'filterbank', 'sphinx']).default('mfcc'),
  /** In hertz; other sound is resampled. */
  sampleRate: z.int().min(1000).max(192_000).default(16_000),
  /** Bands of the mel scale. */
  bands: count.default(40),
  /** mfcc and sphinx: how many coefficients. */
  cepstra: count.default(13),
  /** In hertz. */
  lowest: z.number().min(0).default(20),
  /** In hertz; 0 is half the sample rate. */
  highest: z.number().min(0).default(0),
  /** 1 adds first differences, 2 second ones too. */
  deltas: z.int().min(0).max(2).default(0),
  /**
   * By the recording, by the frames so far (for streams), by the training part's mean, or by all that is there of the speaker (of the
   * recording, where nobody is named) and the training part's deviation.
   */
  normalization: z.enum(['utterance', 'speaker', 'running', 'training', 'none']).default('utterance'),
  /** Whether features are divided by their deviation too. */
  variance: z.boolean().default(true),
  /** How many frames the network reads side by side, and how far apart. */
  stack: count.default(3),
  stride: count.default(3),
});

/** The words and how they are written. */
const textSchema = z.strictObject({
  /** `character`: words are spelled, with a space between; `word`: each word of the training part is a symbol. */
  unit: z.enum(['character', 'word']).default('character'),
  casing: z.enum(['lower', 'none']).default('lower'),
});

const modelSchema = z.strictObject({
  cell: z.enum(['lstm', 'gru', 'rnn']).default('lstm'),
  hiddenSize: count.default(128),
  layers: count.default(2),
  /** Reads the recording in both directions; such a model waits for the end. */
  bidirectional: z.boolean().default(true),
  dropout: z
    .strictObject({
      input: fraction.default(0),
      between: fraction.default(0),
      output: fraction.default(0),
      recurrent: fraction.default(0),
      weight: fraction.default(0),
    })
    .prefault({}),
  variational: z.boolean().default(false),
  layerNorm: z.boolean().default(false),
  residual: z.boolean().default(false),
  /** classify: by the mean of the network's outputs, or by what its frames say one by one. */
  pooling: z.enum(['outputs', 'frames']).default('outputs'),
});

/** What is done to recordings in training, drawn anew in each epoch. What concerns the sound itself needs sound files. */
const augmentationSchema = z.strictObject({
  /** The sound (or without sound its frames) up to this part slower or faster, in steps of 0.02 (Ko et al. 2015). */
  speed: z.number().min(0).max(0.5).default(0),
  /** Cepstra as of a vocal tract up to this part longer or shorter (Jaitly and Hinton 2013). */
  vocalTract: z.number().min(0).max(0.4).default(0),
  /** With normalization by the speaker: this part of the recordings is normalised as of a speaker that is not named. */
  anonymous: z.number().min(0).max(1).default(0),
  /** The sound up to so many decibels louder or quieter. */
  volume: z.number().min(0).max(40).default(0),
  /** High frequencies of the sound up to so many decibels louder or quieter, as of other microphones. */
  shelf: z.number().min(0).max(60).default(0),
  /** Noise is added to this part of the recordings, at a ratio drawn between the two. */
  noise: z
    .strictObject({
      probability: z.number().min(0).max(1).default(0),
      lowest: decibels.default(10),
      highest: decibels.default(40),
      color: z.enum(['white', 'pink']).default('white'),
    })
    .prefault({}),
  /** This part of the recordings is heard in a room, with a decay of up to so many seconds. */
  reverberation: z
    .strictObject({
      probability: z.number().min(0).max(1).default(0),
      decay: z.number().min(0).max(5).default(0.3),
    })
    .prefault({}),
  /** Up to so many recordings are joined to one, with pauses of up to so many seconds; 1 is none. */
  join: z
    .strictObject({
      recordings: count.default(1),
      pause: z.number().min(0).max(5).default(0.3),
      /** The part of the examples that are joined. */
      probability: z.number().min(0).max(1).default(1),
    })
    .prefault({}),
  /** Masks over time and over features (Park et al. 2019). */
  mask: z
    .strictObject({
      times: whole.default(0),
      timeWidth: whole.default(20),
      timePart: z.number().min(0).max(1).default(0.2),
      features: whole.default(0),
      featureWidth: whole.default(4),
    })
    .prefault({}),
});

const trainingSchema = z.strictObject({
  /**
   * The most frames of a batch that the network reads, padding included, with consistency twice as many. Where augmentation draws a recording
   * longer in a later epoch, it is a batch by itself.
   */
  batchFrames: count.default(8000),
  /** The most recordings of a batch, each of them twice with consistency; null is no limit. */
  batchRecordings: optionalCount,
  ...learningShape,
  /** classify: the part of the probability that is spread over all labels (Szegedy et al. 2016). */
  labelSmoothing: fraction.default(0),
  /**
   * How strongly two views of each recording, as of vocal tracts and under masks and dropouts of their own, are drawn together (CR-CTC, Yao
   * et al. 2025; 0.2 there); 0: one view. Two take twice the time, and are counted as twice the frames.
   */
  consistency: z.number().min(0).default(0),
});

/** How a model adapts to recordings of which nobody says what they are: see {@link adaptToRecordings}. */
const adaptationSchema = z.strictObject({
  /** How many times recordings are labelled and learned from; 0: never. */
  rounds: whole.default(0),
  /** Passes over the recordings in each of them. */
  epochs: count.default(3),
  /** Of the recordings of a label, the surest part is learned from. */
  part: z.number().gt(0).max(1).default(0.7),
  learningRate: z.number().positive().default(1e-3),
  /** What is learned from is heard worse than it was labelled: two stretches, each of up to this part of a recording, are zeros, the mean, */
  mask: z.number().min(0).max(1).default(0.3),
  /** and noise of this deviation is upon its features, whose own is about 1. */
  noise: z.number().min(0).default(0.3),
  /** Of fewer recordings nothing is learned. */
  least: z.int().min(2).default(20),
});

/** How transcripts are searched for: see core's `ctcPrefixBeamSearch`. */
const decodingSchema = z.strictObject({
  method: z.enum(['beam', 'greedy']).default('beam'),
  beam: count.default(32),
  /** Symbols below this log-probability in a frame are not followed. */
  minimumLogProbability: z.number().max(0).default(-9),
  /** Hypotheses further below the best are dropped, in nats. */
  margin: z.number().positive().default(14),
  /** An n-gram model of the training transcripts, by modified Kneser-Ney. */
  languageModel: z.enum(['none', 'word', 'character']).default('none'),
  order: count.default(3),
  /** `closed`: words of the training transcripts only. */
  vocabulary: z.enum(['open', 'closed']).default('open'),
  /** The language model's weight, and what each word adds; null is what the validation part likes best. */
  weight: z.number().min(0).nullable().default(null),
  wordBonus: z.number().nullable().default(null),
  /** classify: a recording is heard as of vocal tracts so many times as long, and what is heard in each has its mean taken. */
  vocalTracts: z.array(z.number().min(0.5).max(2)).min(1).default([1]),
  /** classify: recordings that are heard together are learned from, by what the model itself is surest of, before they are told apart. */
  adaptation: adaptationSchema.prefault({}),
});

const monitoringSchema = z.strictObject({
  ...watchingShape,
  /** What the best validation has least of: errors in words, or loss, which still tells models apart that make no error. */
  criterion: z.enum(['wer', 'loss']).default('wer'),
  /** Recordings whose transcript is shown at each validation. */
  samples: whole.default(2),
  keepCheckpoints: count.default(2),
});

/** Everything a training depends on besides its data. The resolved values are saved as the run's `config.json`. */
export const configSchema = z.strictObject({
  seed: seedSchema,
  precision: precisionSchema,
  /** `transcribe`: what was said, by CTC; `classify`: one label a recording. */
  task: z.enum(['transcribe', 'classify']).default('transcribe'),
  data: dataSchema.prefault({}),
  features: featuresSchema.prefault({}),
  text: textSchema.prefault({}),
  model: modelSchema.prefault({}),
  augmentation: augmentationSchema.prefault({}),
  training: trainingSchema.prefault({}),
  decoding: decodingSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
});

export type Config = z.output<typeof configSchema>;
export type ConfigSources = Sources<Config>;

const presets = new Presets(fileURLToPath(new URL('../presets', import.meta.url)));

/** The names of the presets, which are the JSON files in `presets/`. */
export function presetNames(): string[] {
  return presets.names();
}

/** True where the preset holds a smaller budget for backends without native kernels. */
export function hasSlowBudget(preset = 'default'): boolean {
  return presets.hasSlowBudget(preset);
}

/** Defaults, then the preset, the file, the flags and the assignments: each wins over those before. */
export function resolveConfig(sources: ConfigSources): Config {
  const config = presets.resolve(configSchema, sources);
  checkTogether(config);
  // A resumed run goes on with what it was begun with, though nothing comes of it.
  if (sources.base === undefined) checkTaught(config);
  return config;
}

/** What is for labels alone would be without effect on transcripts. */
function checkTaught({ task, model, training }: Config): void {
  if (task === 'classify') return;
  if (training.labelSmoothing > 0) {
    throw new ConfigError(`Expected training.labelSmoothing to be 0 with task ${task}, got ${training.labelSmoothing}`);
  }
  if (model.pooling !== 'outputs') {
    throw new ConfigError(`Expected model.pooling to be outputs with task ${task}, got ${model.pooling}`);
  }
}

/** What no single value can be blamed for. */
function checkTogether({ task, features, text, model, augmentation, training, decoding }: Config): void {
  const half = features.sampleRate / 2;
  const highest = features.highest === 0 ? half : features.highest;
  if (highest > half || features.lowest >= highest) {
    throw new ConfigError(
      `Expected features.lowest below features.highest, and that at most ${half} Hz, got ${features.lowest} and ${highest}`,
    );
  }
  if (features.kind !== 'filterbank' && features.cepstra > features.bands) {
    throw new ConfigError(
      `Expected features.cepstra to be at most features.bands ${features.bands}, got ${features.cepstra}`,
    );
  }
  if (features.normalization === 'running' && features.deltas > 0) {
    throw new ConfigError(`Expected features.deltas to be 0 with running normalization, got ${features.deltas}`);
  }
  if (features.normalization === 'speaker') {
    if (features.kind === 'filterbank') {
      throw new ConfigError(
        'Expected features.kind to be of cepstra with normalization by the speaker, got filterbank',
      );
    }
    if (augmentation.join.recordings > 1) {
      const got = augmentation.join.recordings;
      throw new ConfigError(
        `Expected augmentation.join.recordings to be 1 with normalization by the speaker, got ${got}, of any speakers`,
      );
    }
  }
  if (augmentation.vocalTract > 0 && features.kind === 'filterbank') {
    throw new ConfigError('Expected features.kind to be of cepstra with augmentation.vocalTract, got filterbank');
  }
  if (training.consistency > 0 && !viewsDiffer(augmentation, model)) {
    const wanted =
      'augmentation.vocalTract, augmentation.mask or model.dropout (other than weight) to make two views of a recording differ';
    throw new ConfigError(`Expected ${wanted} with training.consistency, got none that does`);
  }
  if (augmentation.noise.lowest > augmentation.noise.highest) {
    const { lowest, highest } = augmentation.noise;
    throw new ConfigError(`Expected augmentation.noise.lowest to be at most highest ${highest}, got ${lowest}`);
  }
  if (decoding.vocalTracts.some((factor) => factor !== 1)) {
    if (task !== 'classify')
      throw new ConfigError(`Expected decoding.vocalTracts to be [1] with task ${task}, got [${decoding.vocalTracts}]`);
    if (features.kind === 'filterbank')
      throw new ConfigError('Expected features.kind to be of cepstra with decoding.vocalTracts, got filterbank');
  }
  const { rounds } = decoding.adaptation;
  if (rounds > 0 && task !== 'classify') {
    throw new ConfigError(`Expected decoding.adaptation.rounds to be 0 with task ${task}, got ${rounds}`);
  }
  if (rounds > 0 && features.normalization === 'none') {
    throw new ConfigError('Expected features.normalization to be other than none with decoding.adaptation, got none');
  }
  if (task === 'classify') {
    if (text.unit !== 'word')
      throw new ConfigError(`Expected text.unit to be word with task classify, got ${text.unit}`);
    if (augmentation.join.recordings > 1) {
      throw new ConfigError(
        `Expected augmentation.join.recordings to be 1 with task classify, got ${augmentation.join.recordings}`,
      );
    }
  }
  if (decoding.languageModel === 'character' && text.unit === 'word') {
    throw new ConfigError('Expected decoding.languageModel to be word or none with text.unit word, got character');
  }
  if (model.residual && model.layers < 2) {
    throw new ConfigError(`Expected model.layers to be at least 2 with model.residual, got ${model.layers}`);
  }
}

/** Whether anything is drawn for each view of a recording by itself; weights are dropped for a whole batch. */
function viewsDiffer({ vocalTract, mask }: Config['augmentation'], { layers, dropout }: Config['model']): boolean {
  const { input, between, output, recurrent } = dropout;
  const times = mask.times > 0 && mask.timeWidth > 0 && mask.timePart > 0;
  const features = mask.features > 0 && mask.featureWidth > 0;
  return vocalTract > 0 || times || features || Math.max(input, output, recurrent, layers > 1 ? between : 0) > 0;
}

/** Whether a model of this configuration can say what it hears before the end. */
export function isStreaming({ task, model, features }: Config): boolean {
  const local =
    features.normalization === 'running' || features.normalization === 'training' || features.normalization === 'none';
  return task === 'transcribe' && !model.bidirectional && features.deltas === 0 && local;
}
