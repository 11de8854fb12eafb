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

/** How the text becomes tokens. */
const textSchema = z.strictObject({
  level: z.enum(['character', 'word']).default('character'),
  normalization: z.enum(['none', 'NFC', 'NFD', 'NFKC', 'NFKD']).default('NFC'),
  lowerCase: z.boolean().default(false),
  /** Words only: rarer ones become `<unk>`. */
  minimumFrequency: count.default(1),
  /** Words only: keeps the most frequent, `<unk>` included; null is 20,000. */
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

const trainingSchema = z.strictObject({
  batchSize: count.default(32),
  /** Tokens of each stream in one step: how far gradients flow back. */
  sequenceLength: count.default(64),
  ...learningShape,
  /** The share of the streams whose state is set to zero before each step. */
  resetProbability: z.number().min(0).max(1).default(0.05),
});

const monitoringSchema = z.strictObject({
  ...watchingShape,
  /** Characters (or words) of the validation part read at each validation; null is all of it. */
  validationTokens: count.nullable().default(65_536),
  /** Characters (or words) of the validation part that both protocols measure at the end; null is all of it. */
  finalTokens: optionalCount,
  /** Characters (or words) of the sample shown at each validation; 0 is none. */
  sampleLength: z.int().min(0).default(160),
  sampleTemperature: z.number().positive().default(0.7),
});

/** Everything a training depends on besides its data. The resolved values are saved as the run's `config.json`. */
export const configSchema = z.strictObject({
  seed: seedSchema,
  precision: precisionSchema,
  text: textSchema.prefault({}),
  model: modelSchema.prefault({}),
  training: trainingSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
});

export type Config = z.output<typeof configSchema>;

const presets = new Presets(fileURLToPath(new URL('../presets', import.meta.url)));

/** The names of the presets, which are the JSON files in `presets/`. */
export function presetNames(): string[] {
  return presets.names();
}

export type ConfigSources = Sources<Config>;

/** Defaults, then the preset, the file, the flags and the assignments: each wins over those before. */
export function resolveConfig(sources: ConfigSources): Config {
  const config = presets.resolve(configSchema, sources);
  checkTogether(config);
  return config;
}

/** True where the preset holds a smaller budget for backends without native kernels. */
export function hasSlowBudget(preset = 'default'): boolean {
  return presets.hasSlowBudget(preset);
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
