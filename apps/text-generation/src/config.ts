import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAssignments, readJsonObject, resolveConfiguration, suggestion, type Layer, type Values } from '@cadenza/cli';
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
  zoneout: fraction.default(0),
  /** 0: no projection. */
  projectionSize: z.int().min(0).default(0),
  residual: z.boolean().default(false),
  skipToOutput: z.boolean().default(false),
});

const scheduleSchema = z.strictObject({
  name: z.enum(['constant', 'step', 'exponential', 'cosine', 'plateau']).default('cosine'),
  /** Steps over which the rate rises from 0. */
  warmUpSteps: z.int().min(0).default(0),
  /** cosine: what is left of the rate at the end. */
  finalFraction: z.number().min(0).max(1).default(0.01),
  /** cosine: where the end is; null is the planned number of steps. */
  totalSteps: optionalCount,
  /** step, exponential: steps until the rate is multiplied by `factor` (once more). */
  every: count.default(1000),
  /** step, exponential, plateau: what the rate is multiplied by. */
  factor: z.number().gt(0).lt(1).default(0.5),
  /** plateau: validations without a new best before the rate falls. */
  patience: count.default(3),
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
  optimizer: z.enum(['adam', 'adamw', 'sgd', 'rmsprop']).default('adam'),
  momentum: fraction.default(0.9),
  beta1: fraction.default(0.9),
  beta2: fraction.default(0.999),
  epsilon: z.number().positive().default(1e-8),
  weightDecay: z.number().min(0).default(0),
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
  /** Validations between checkpoints of the latest state. */
  checkpointSteps: optionalCount,
  /** Characters (or words) of the sample shown at each validation; 0 is none. */
  sampleLength: z.int().min(0).default(160),
  sampleTemperature: z.number().positive().default(0.7),
});

/** Everything a training depends on besides its data. The resolved values are saved as the run's `config.json`. */
export const configSchema = z.strictObject({
  seed: z.int().min(0).max(2 ** 32 - 1).default(1),
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
  slowBackend?: boolean;
}

/** Defaults, then the preset, the file, the flags and the assignments: each wins over those before. */
export function resolveConfig(sources: ConfigSources): Config {
  const { preset = 'default', file, flags = {}, assignments = [], slowBackend = false } = sources;
  const { slowBackend: slowValues, ...values } = readPreset(preset);
  const layers: Layer[] = [{ name: `preset ${preset}`, values }];
  if (slowBackend && slowValues !== undefined) layers.push({ name: `preset ${preset}`, values: slowValues as Values });
  if (file !== undefined) layers.push({ name: file, values: readJsonObject(file, '--config') });
  layers.push({ name: 'the command line', values: flags });
  layers.push({ name: '--set', values: parseAssignments(assignments, configSchema) });
  const config = resolveConfiguration(configSchema, layers);
  checkTogether(config);
  return config;
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
  const outputSize = model.projectionSize || model.hiddenSize;
  if (model.tieWeights && model.embeddingSize !== outputSize) {
    throw new ConfigError(
      `Expected model.embeddingSize to equal the last layer's size ${outputSize} with model.tieWeights, got ${model.embeddingSize}`,
    );
  }
  if (model.projectionSize > 0 && model.cell !== 'lstm') {
    throw new ConfigError(`Expected model.projectionSize only with model.cell lstm, got it with ${model.cell}`);
  }
  if (model.dropout.embedding > 0 && model.embeddingSize === 0) {
    throw new ConfigError('Expected model.embeddingSize above 0 with model.dropout.embedding, got 0');
  }
  if (text.level === 'character' && (text.maximumVocabulary !== null || text.minimumFrequency > 1)) {
    throw new ConfigError('Expected text.maximumVocabulary and text.minimumFrequency only with text.level word');
  }
}
