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
import { checkHeads, ConfigError } from '@cadenza/core';
import { isLanguageTag } from '@cadenza/text';
import { z } from 'zod';

const whole = z.int().min(0);

const languageTag = z.string().refine(isLanguageTag, { error: 'a language tag such as en or pt-BR' });

/** The pair of languages by tag, such as `en` and `pt-BR`; null is what the names of the files tell, or the embedded pair. */
function languagesSchema(tag: z.ZodString) {
  const language = tag.nullable().default(null);
  return z.strictObject({ source: language, target: language }).prefault({});
}

/** Which pairs are learned from, and how sentences become tokens. */
const textSchema = z.strictObject({
  /** `none`: words are what stands between spaces, as in text that is tokenized already; `word`: by the language's rules. */
  tokenization: z.enum(['none', 'word']).default('none'),
  /** `lower` also lower-cases what is translated; `true`, with words only, keeps capitals but those of a sentence's beginning. */
  casing: z.enum(['none', 'lower', 'true']).default('none'),
  normalization: z.enum(['none', 'NFC', 'NFD', 'NFKC', 'NFKD']).default('NFC'),
  /** Merges of the byte-pair encoding, which is learned from both sides together; 0 leaves single characters. */
  merges: whole.default(4000),
  /** The probability with which each merge is passed over in training, drawn anew in each epoch. */
  mergeDropout: fraction.default(0),
  /** `shared`: one vocabulary for both sides. */
  vocabulary: z.enum(['shared', 'separate']).default('shared'),
  /** Subwords that are rarer in the training part are taken apart again. */
  minimumFrequency: count.default(1),
  /** Cleaning of the training pairs: the most words of a side; null is no limit. */
  maximumWords: count.nullable().default(100),
  /** Cleaning: how many times longer, in words, one side may be than the other; null is no limit. */
  maximumRatio: z.number().min(1).nullable().default(9),
  /** Cleaning: pairs that occurred before are dropped. */
  dropDuplicates: z.boolean().default(true),
  /** Cleaning: pairs of two equal sides are dropped. */
  dropIdentical: z.boolean().default(false),
  /** Pairs held out for validation where no files for it are named. */
  validationPairs: count.default(500),
  /** Embedded phrases to train on. */
  embeddedPairs: count.default(16_000),
  /** Embedded phrases for validation, and as many for the test. */
  embeddedHeldOut: count.default(500),
});

/** The network; the names are those of core's SequenceToSequence. */
const modelSchema = z.strictObject({
  embeddingSize: count.default(128),
  shareEmbeddings: z.boolean().default(false),
  tieWeights: z.boolean().default(false),
  encoder: z
    .strictObject({
      units: count.default(128),
      layers: count.default(1),
      /** How many of the lowest layers read in both directions; null is all. */
      bidirectional: whole.nullable().default(null),
      residual: z.boolean().default(false),
    })
    .prefault({}),
  decoder: z
    .strictObject({
      units: count.default(192),
      layers: count.default(1),
      score: z.enum(['dot', 'scaledDot', 'multiplicative', 'additive', 'none']).default('multiplicative'),
      /** additive; 0 is the decoder's units. */
      attentionUnits: whole.default(0),
      /** Of each attention (Vaswani et al. 2017); a divisor of its size. */
      heads: count.default(1),
      attend: z.enum(['top', 'every']).default('top'),
      inputFeeding: z.boolean().default(false),
      coverage: z.boolean().default(false),
      /** 0 is the embedding's size with tied weights, else the decoder's units. */
      readoutSize: whole.default(0),
      deepOutput: z.boolean().default(false),
      residual: z.boolean().default(false),
    })
    .prefault({}),
  dropout: z
    .strictObject({
      embedding: fraction.default(0),
      input: fraction.default(0),
      context: fraction.default(0),
      between: fraction.default(0),
      output: fraction.default(0),
      recurrent: fraction.default(0),
      weight: fraction.default(0),
    })
    .prefault({}),
  variational: z.boolean().default(false),
  layerNorm: z.boolean().default(false),
  attendEmbeddings: z.boolean().default(false),
});

const trainingSchema = z.strictObject({
  /** The most tokens of a batch on either side, padding included. */
  batchTokens: count.default(2048),
  /** The most pairs of a batch; null is no limit. */
  batchPairs: optionalCount,
  /** Pairs that are sorted by length together, so that batches have little padding; null is all. */
  poolSize: optionalCount,
  ...learningShape,
  /** The part of the probability that is spread over all tokens (Szegedy et al. 2016). */
  labelSmoothing: fraction.default(0.1),
  /** The share of target tokens that are read as the model predicts them (Bengio et al. 2015). */
  scheduledSampling: z.number().min(0).max(1).default(0),
  /**
   * The weight alpha of R-Drop (Liang et al. 2021): each pair is predicted twice under different dropouts, and the divergence of the
   * two predictions is a loss too; a batch costs twice the time. The paper takes 1 to 5; 0 is off.
   */
  consistency: z.number().min(0).default(0),
  /**
   * The share of a label's probability that is spread as the teachers of `--teacher` say (Kim and Rush 2016, section 3.1); null is half
   * of it where there are teachers.
   */
  distillation: z.number().gt(0).max(1).nullable().default(null),
  /**
   * How often the teachers read the training pairs, each time with others of the targets' merges dropped; epochs take the readings in
   * turn. 1: targets keep their merges.
   */
  teacherReadings: count.default(1),
  /** The weight of the coverage loss (See et al. 2017), for a decoder with coverage. */
  coverageLoss: z.number().min(0).default(0),
});

const monitoringSchema = z.strictObject({
  ...watchingShape,
  /** The first pairs of the validation part that each validation translates; null is all of it. */
  validationPairs: count.nullable().default(500),
  /** Of those translations; 1 is greedy. */
  beam: count.default(1),
  /** How BLEU cuts sentences into words; `none` where the text is tokenized already. */
  bleuTokenizer: z.enum(['13a', 'intl', 'none']).default('13a'),
  /** Pairs whose translation is shown at each validation. */
  samples: whole.default(1),
  /** How many of the newest checkpoints are kept, beside the best; what averaging takes its weights from. */
  keepCheckpoints: count.default(2),
});

/** Everything a training depends on besides its data. The resolved values are saved as the run's `config.json`. */
export const configSchema = z.strictObject({
  seed: seedSchema,
  precision: precisionSchema,
  languages: languagesSchema(languageTag),
  text: textSchema.prefault({}),
  model: modelSchema.prefault({}),
  training: trainingSchema.prefault({}),
  monitoring: monitoringSchema.prefault({}),
});

/** The configuration of a run that is there: one of an earlier version may have languages that are no tags. */
export const runConfigSchema = configSchema.extend({ languages: languagesSchema(z.string()) });

export type Config = z.output<typeof configSchema>;
export interface ConfigSources extends Sources<Config> {
  /** Of a run to begin from: its lines and its network stand in for those of the preset `default`. */
  start?: Config;
}

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
  const { start, preset } = sources;
  const begins = start !== undefined && preset === undefined;
  const between = begins ? [{ name: 'the run to begin from', values: { text: start.text, model: start.model } }] : [];
  const schema = sources.base === undefined ? configSchema : runConfigSchema;
  const config = presets.resolve(schema, sources, between);
  checkTogether(config);
  return config;
}

/** How the decoder attends, in a few words. */
export function describeAttention({ model }: Pick<Config, 'model'>): string {
  const { score, heads } = model.decoder;
  return heads > 1 ? `${score} by ${heads} heads` : score;
}

/** What no single value can be blamed for; of the network alone core says the same. */
function checkTogether({ model, text, training }: Config): void {
  if (model.shareEmbeddings && text.vocabulary !== 'shared') {
    throw new ConfigError('Expected text.vocabulary to be shared with model.shareEmbeddings, got separate');
  }
  if (text.casing === 'true' && text.tokenization !== 'word') {
    throw new ConfigError(`Expected text.tokenization to be word with text.casing true, got ${text.tokenization}`);
  }
  const { heads, score, attentionUnits, units } = model.decoder;
  checkHeads(heads, score, attentionUnits > 0 ? attentionUnits : units, 'model.decoder.heads');
  const { input, context, between, output, recurrent } = model.dropout;
  if (training.consistency > 0 && Math.max(input, context, between, output, recurrent) === 0) {
    const wanted = 'input, context, between, output or recurrent to be above 0 with training.consistency';
    throw new ConfigError(
      `Expected a model.dropout of ${wanted}, got only 0: nothing else makes two predictions differ`,
    );
  }
  if (training.teacherReadings > 1 && text.mergeDropout === 0) {
    const wanted = `text.mergeDropout above 0 with training.teacherReadings ${training.teacherReadings}`;
    throw new ConfigError(`Expected ${wanted}, got 0: nothing else makes two readings differ`);
  }
  if (training.coverageLoss > 0 && !model.decoder.coverage) {
    throw new ConfigError('Expected model.decoder.coverage with training.coverageLoss above 0, got false');
  }
}
