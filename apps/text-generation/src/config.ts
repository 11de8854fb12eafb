import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  isObject,
  parseAssignments,
  readJsonObject,
  resolveConfiguration,
  suggestion,
  type Layer,
  type Values,
} from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import { z } from 'zod';

const fraction = z.number().min(0).lt(1);
const count = z.int().positive();
const optionalCount = count.nullable().default(null);

/** How the text becomes tokens. */
const textSchema = z.strictObject({
  level: z.enum(['character', 'word']).default('character'),
  normalization: z.enum(['none', 'NFC', 'NFD', 'NFKC', 'NFKD']).default('NFC'),
  lowerCase: z.boolean().default(false),
  /** Words only: rarer ones become `<unk>`. */
  minimumFrequency: count.default(1),
  /** Words only: keeps the most frequent, `<unk>` included. */
  maximumVocabulary: count.min(2).nullable().default(null),
  /** The last part of the text, kept for validation. */
  validationFraction: z.number().gt(0).lt(1).default(0.1),
  /** Characters of the embedded text. */
  embeddedCharacters: count.default(1_500_000),
});

/** The network; the names are those of core's RecurrentLanguageModel. */
const modelSchema = z.strictObject({
  cell: z.enum(['lstm', 'gru', 'rnn']).default('lstm'),
  layers: count.default(2),
  hiddenSize: count.default(128),
  /** 0: one-hot characters straight into the first layer. */
  embeddingSize: z.int().min(0).default(0),
  tieWeights: z.boolean().default(false),
  dropout: z
    .strictObject({
      input: fraction.default(0),
      between: fraction.default(0),
      output: fraction.default(0),
      recurrent: fraction.default(0),
      embedding: fraction.default(0),
      weight: fraction.default(0),
    })
    .prefault({}),
  variational: z.boolean().default(false),
  layerNorm: z.boolean().default(false),
  /** Rates at which units keep their value: of the hidden state, and of the LSTM's cell. */
  zoneout: z.strictObject({ hidden: fraction.default(0), cell: fraction.default(0) }).prefault({}),
  /** 0: no projection. */
  projectionSize: z.int().min(0).default(0),
  residual: z.boolean().default(false),
  skipToOutput: z.boolean().default(false),
});

/** The learning rate's course; what a schedule does not know is refused when it is set. See core's `createSchedule`. */
const scheduleSchema = z.strictObject({
  name: z.enum(['constant', 'step', 'exponential', 'cosine', 'plateau']).default('cosine'),
  /** Steps over which the rate rises from 0. */
  warmupSteps: z.int().min(0).default(0),
  /** cosine: the step at which the rate is lowest; null is the planned end of the run. */
  steps: optionalCount,
  /** cosine: what is left of the rate there. */
  finalFraction: z.number().min(0).max(1).nullable().default(null),
  /** step, exponential: steps until the rate is multiplied by `factor` (once more). */
  every: optionalCount,
  /** step, exponential, plateau. */
  factor: z.number().gt(0).max(1).nullable().default(null),
  /** plateau: validations without improvement to wait for. */
  patience: z.int().min(0).nullable().default(null),
});

/** null is the optimizer's own default; what an optimizer does not know is refused when it is set. */
const optimizerSchema = z.strictObject({
  name: z.enum(['adam', 'adamw', 'sgd', 'rmsprop']).default('adam'),
  beta1: fraction.nullable().default(null),
  beta2: fraction.nullable().default(null),
  epsilon: z.number().positive().nullable().default(null),
  /** adamw */
  weightDecay: z.number().min(0).nullable().default(null),
  /** sgd, rmsprop */
  momentum: fraction.nullable().default(null),
  /** sgd */
  nesterov: z.boolean().nullable().default(null),
  /** rmsprop: the part of the mean of squares that stays. */
  decay: fraction.nullable().default(null),
});

const trainingSchema = z.strictObject({
  batchSize: count.default(32),
  /** Tokens of each stream in one step: how far gradients flow back. */
  sequenceLength: count.default(64),
  epochs: z.number().positive().default(10),
  maxSteps: optionalCount,
  maxMinutes: z.number().positive().nullable().default(null),
  learningRate: z.number().positive().default(0.002),
  schedule: scheduleSchema.prefault({}),
  optimizer: optimizerSchema.prefault({}),
  /** Largest global norm of the gradients; 0 is no limit. */
  clipNorm: z.number().min(0).default(1),
  /** Largest absolute value of a gradient; 0 is no limit. */
  clipValue: z.number().min(0).default(0),
  /** Decay of the averaged weights that are validated and used; 0 is none. */
  ema: fraction.default(0),
  /** The share of the streams whose state is set to zero before each step. */
  resetProbability: z.number().min(0).max(1).default(0.05),
});

const monitoringSchema = z.strictObject({
  /** Steps between the lines of metrics.jsonl. */
  logSteps: count.default(20),
  /** Steps between validations; null is a twentieth of the run. */
  validationSteps: optionalCount,
  /** Characters (or words) of the validation part read at each validation; null is all of it. */
  validationTokens: count.nullable().default(65_536),
  /** Validations without a new best before training stops; null goes on to the end. */
  patience: optionalCount,
  /** Steps between checkpoints; null is as often as validations. */
  checkpointSteps: optionalCount,
  /** Characters (or words) of the validation part that both protocols measure at the end; null is all of it. */
  finalTokens: optionalCount,
  /** Characters (or words) of the sample shown at each validation; 0 is none. */
  sampleLength: z.int().min(0).default(160),
  sampleTemperature: z.number().positive().default(0.7),
});

/** Everything a training depends on besides its data. The resolved values are saved as the run's `config.json`. */
export const configSchema = z.strictObject({
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  precision: z.enum(['f32', 'bf16']).default('f32'),
  text: textSchema.prefault({}),
  model: modelSchema.prefault({}),
  training: trainingSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
});

export type Config = z.output<typeof configSchema>;

const presetFolder = fileURLToPath(new URL('../presets', import.meta.url));

/** The names of the presets, which are the JSON files in `presets/`. */
export function presetNames(): string[] {
  return readdirSync(presetFolder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length))
    .sort();
}

export interface ConfigSources {
  preset?: string;
  /** A JSON file. */
  file?: string;
  flags?: Values;
  /** `key=value` pairs. */
  assignments?: readonly string[];
  /** Takes the preset's `slowBackend` values too, where it has some: the same data, a smaller budget. */
  reducedBudget?: boolean;
  /** Stands in for the preset: the configuration of a run that goes on. */
  base?: Config;
}

/** Defaults, then the preset, the file, the flags and the assignments: each wins over those before. */
export function resolveConfig(sources: ConfigSources): Config {
  const { preset = 'default', file, flags = {}, assignments = [], base } = sources;
  const layers =
    base === undefined
      ? presetLayers(preset, sources.reducedBudget ?? false)
      : [{ name: 'the run', values: { ...base } }];
  if (file !== undefined) layers.push({ name: file, values: readJsonObject(file, '--config') });
  layers.push({ name: 'the command line', values: flags });
  layers.push({ name: '--set', values: parseAssignments(assignments, configSchema) });
  const config = resolveConfiguration(configSchema, layers);
  checkTogether(config);
  return config;
}

function presetLayers(preset: string, reducedBudget: boolean): Layer[] {
  const { slowBackend, ...values } = readPreset(preset);
  const name = `preset ${preset}`;
  return reducedBudget && isObject(slowBackend)
    ? [
        { name, values },
        { name, values: slowBackend },
      ]
    : [{ name, values }];
}

/** True where the preset holds a smaller budget for backends without native kernels. */
export function hasSlowBudget(preset = 'default'): boolean {
  return 'slowBackend' in readPreset(preset);
}

function readPreset(name: string): Values {
  const known = presetNames();
  if (!known.includes(name)) throw new ConfigError(`Expected a known preset, got "${name}"${suggestion(name, known)}`);
  return readJsonObject(join(presetFolder, `${name}.json`), `preset ${name}`);
}

/** What no single value can be blamed for. */
function checkTogether({ model, text }: Config): void {
  const needEmbedding = {
    'model.tieWeights': model.tieWeights,
    'model.dropout.input': model.dropout.input > 0,
    'model.dropout.embedding': model.dropout.embedding > 0,
  };
  for (const [name, used] of Object.entries(needEmbedding)) {
    if (used && model.embeddingSize === 0)
      throw new ConfigError(`Expected model.embeddingSize above 0 with ${name}, got 0`);
  }
  const lstmOnly = { 'model.projectionSize': model.projectionSize, 'model.zoneout.cell': model.zoneout.cell };
  for (const [name, value] of Object.entries(lstmOnly)) {
    if (value > 0 && model.cell !== 'lstm') {
      throw new ConfigError(`Expected ${name} only with model.cell lstm, got ${value} with ${model.cell}`);
    }
  }
  if (text.level === 'character' && (text.maximumVocabulary !== null || text.minimumFrequency > 1)) {
    throw new ConfigError('Expected text.maximumVocabulary and text.minimumFrequency only with text.level word');
  }
}
