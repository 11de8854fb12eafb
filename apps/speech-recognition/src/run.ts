import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  readJsonObject,
  readRunDescription,
  resolveConfiguration,
  writeRunStart,
  type RunDescriptionBase,
} from '@cadenza/cli';
import { NormalizationStatistics } from '@cadenza/audio';
import {
  assignWeights,
  CheckpointError,
  CheckpointStore,
  defaultFileSystem,
  InputError,
  Random,
  unfilled,
  replaceFile,
  type AcousticModel,
  type TensorData,
} from '@cadenza/core';
import { NgramModel } from '@cadenza/text';
import { configSchema, type Config } from './config.js';
import { FeaturePipeline } from './features.js';
import type { LanguageKnowledge, LanguageWeights } from './languageModel.js';
import { createModel } from './model.js';
import type { DataDescription, PreparedSpeech } from './prepare.js';
import { SymbolTable } from './symbols.js';
import type { KnownVoices } from './speakers.js';
import { VoiceSpace } from './voiceSpace.js';

export const runFormat = 'cadenza-speech-recognition';
const vocabularyFile = 'vocabulary.json';
const statisticsFile = 'statistics.json';
const voicesFile = 'voices.json';
const wordsFile = 'words.json';
const languageFile = 'language.arpa';
const decodingFile = 'decoding.json';
/** What a start that was killed before there was a config.json may leave behind. */
export const startFiles = [vocabularyFile, statisticsFile, voicesFile, wordsFile, languageFile];

/** The file `config.json` of a run: everything the training was given, and with what it ran. */
export interface RunDescription extends RunDescriptionBase {
  format: typeof runFormat;
  config: Config;
  data: DataDescription;
  vocabulary: { size: number; fingerprint: string };
}

/** A run folder without its weights. */
export interface SavedRun {
  directory: string;
  description: RunDescription;
  config: Config;
  symbols: SymbolTable;
  pipeline: FeaturePipeline;
  language: LanguageKnowledge;
  /** How much the language counts: as the configuration says, or as the validation part liked best. */
  weights: LanguageWeights;
}

/** A run folder with the weights of one of its checkpoints, read and found whole. */
export interface OpenRun extends SavedRun {
  step: number;
  parameters: ReadonlyMap<string, TensorData>;
  /** Makes the network and gives it the weights. */
  loadModel(): AcousticModel;
}

/** Writes all that a run holds besides its checkpoints. */
export function writeStart(directory: string, speech: PreparedSpeech, description: RunDescription): void {
  speech.language.model?.writeArpa(join(directory, languageFile));
  writeRunStart(
    directory,
    {
      [vocabularyFile]: speech.symbols.toJSON(),
      [statisticsFile]: speech.pipeline.statistics?.toJSON() ?? null,
      ...(speech.pipeline.voices ? { [voicesFile]: speech.pipeline.voices } : {}),
      [wordsFile]: speech.language.words,
    },
    description,
  );
}

/** Keeps what {@link tuneDecoding} found. */
export function writeWeights(directory: string, weights: LanguageWeights): void {
  replaceFile(defaultFileSystem, join(directory, decodingFile), `${JSON.stringify(weights, null, 1)}\n`);
}

/** Reads all of a run but its weights. Needs no backend. */
export function readRun(path: string): SavedRun {
  const directory = resolve(path);
  const description = readRunDescription<RunDescription>(directory, {
    format: runFormat,
    parts: ['config', 'data', 'vocabulary'],
  });
  const config = resolveConfiguration(configSchema, [
    { name: join(directory, 'config.json'), values: { ...description.config } },
  ]);
  const symbols = SymbolTable.fromJSON(readJson(join(directory, vocabularyFile)));
  if (symbols.fingerprint !== description.vocabulary.fingerprint) {
    throw new InputError(
      `Expected ${join(directory, vocabularyFile)} to be the vocabulary the run was trained with ` +
        `(${description.vocabulary.size} symbols), got another one (${symbols.size})`,
    );
  }
  const statistics = NormalizationStatistics.fromJSON(readJson(join(directory, statisticsFile)));
  return {
    ...{ directory, description, config, symbols },
    pipeline: new FeaturePipeline(config.features, statistics, readVoices(directory)),
    language: readLanguage(directory, config),
    weights: readWeights(directory, config),
  };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'nothing there' : message;
    throw new InputError(`Expected a JSON file at ${path}, got: ${got}`, { cause });
  }
}

/** Runs that do not go by the speaker have none. */
function readVoices(directory: string): KnownVoices | undefined {
  const path = join(directory, voicesFile);
  if (!existsSync(path)) return undefined;
  const { usual, space } = readJsonObject(path, 'the run’s voices.json') as Record<keyof KnownVoices, unknown>;
  return {
    usual: NormalizationStatistics.fromJSON(usual),
    space: space === undefined ? undefined : VoiceSpace.fromJSON(space),
  };
}

function readLanguage(directory: string, { decoding }: Config): LanguageKnowledge {
  const words = readJson(join(directory, wordsFile));
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) {
    throw new InputError(`Expected ${join(directory, wordsFile)} to be a list of words, got another value`);
  }
  if (decoding.languageModel === 'none') return { words };
  const path = join(directory, languageFile);
  if (!existsSync(path)) throw new InputError(`Expected the language model of the run at ${path}, got nothing there`);
  return { words, model: NgramModel.fromArpa(readFileSync(path, 'utf8'), path) };
}

/** Before a training has ended nothing is known of the best weights: then the model counts once. */
function readWeights(directory: string, { decoding }: Config): LanguageWeights {
  const path = join(directory, decodingFile);
  const tuned = existsSync(path) ? (readJsonObject(path, 'the run’s decoding.json') as Partial<LanguageWeights>) : {};
  const number = (value: unknown, fallback: number): number => (typeof value === 'number' ? value : fallback);
  return {
    weight: decoding.weight ?? number(tuned.weight, 1),
    wordBonus: decoding.wordBonus ?? number(tuned.wordBonus, 0),
  };
}

export interface OpenOptions {
  checkpoint?: 'best' | 'latest';
  onWarning?: (line: string) => void;
}

/** Opens a run to use its model. A damaged checkpoint is passed over for the one before, with a warning. */
export function openRun(path: string, { checkpoint = 'best', onWarning = warnOnStderr }: OpenOptions = {}): OpenRun {
  const saved = readRun(path);
  const loaded = new CheckpointStore(saved.directory, { onWarning }).load(checkpoint);
  if (loaded === undefined) {
    throw new CheckpointError(`Expected the run to have a checkpoint, got none in ${saved.directory}; train it first`);
  }
  const { weights: parameters, step } = loaded;
  return { ...saved, step, parameters, loadModel: () => loadModel(saved, parameters) };
}

function loadModel(
  { directory, config, pipeline, symbols }: SavedRun,
  parameters: ReadonlyMap<string, TensorData>,
): AcousticModel {
  const model = unfilled(() => createModel(config, pipeline.dimension, symbols, new Random(config.seed)));
  try {
    assignWeights(model.parameters, parameters);
  } catch (cause) {
    model.dispose();
    if (cause instanceof InputError) throw cause;
    throw new CheckpointError(`${(cause as Error).message}: ${directory}`, { cause });
  }
  return model;
}

function warnOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
