import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isObject, isRun, readJsonObject, resolveConfiguration, valueAt, leafKeys } from '@cadenza/cli';
import {
  assignWeights,
  CheckpointError,
  CheckpointStore,
  ConfigError,
  InputError,
  Random,
  type LoadedCheckpoint,
  type RecurrentLanguageModel,
} from '@cadenza/core';
import type { Precision } from '@cadenza/engine';
import { tokenizerFromJSON, type Tokenizer } from '@cadenza/text';
import { configSchema, resolveConfig, type Config, type ConfigSources } from './config.js';
import { createModel } from './model.js';
import type { DataDescription } from './prepare.js';

/** The file `config.json` of a run: everything the training was given, and with what it ran. */
export interface RunDescription {
  format: 'cadenza-text-generation';
  version: 1;
  versions: { cadenza: string; tfjs: string; node: string };
  created: string;
  backend: string;
  threads: number;
  /** What was computed with, which may be less than was asked for. */
  precision: Precision;
  /** True where the preset's smaller budget for slow backends was taken. */
  reducedBudget: boolean;
  config: Config;
  data: DataDescription;
  vocabulary: { size: number; fingerprint: string };
  parameters: number;
}

/** A run folder without its weights. */
export interface SavedRun {
  directory: string;
  description: RunDescription;
  config: Config;
  tokenizer: Tokenizer;
}

/** A run folder with one of its checkpoints, read and found whole. */
export interface OpenRun extends SavedRun {
  step: number;
  /** Makes the network and gives it the checkpoint's weights: the averaged ones where averaging is on. */
  loadModel(): RecurrentLanguageModel;
}

export const vocabularyFile = 'vocabulary.json';

/** Reads a run's configuration and vocabulary. Needs no backend. */
export function readRun(path: string): SavedRun {
  const directory = resolve(path);
  if (!isRun(directory)) {
    throw new InputError(`Expected --run to be a run folder, got one without config.json: ${directory}`);
  }
  const description = readJsonObject(
    join(directory, 'config.json'),
    'the run’s config.json',
  ) as unknown as RunDescription;
  if (description.format !== 'cadenza-text-generation' || description.version !== 1) {
    const got = `${description.format ?? 'no format'}, version ${description.version ?? 'none'}`;
    throw new InputError(`Expected a run of cadenza-text-generation, version 1, got ${got}: ${directory}`);
  }
  const missing = (['config', 'data', 'vocabulary'] as const).find((part) => !isObject(description[part]));
  if (missing !== undefined) {
    throw new InputError(`Expected ${missing} in ${join(directory, 'config.json')}, got a file without; it is damaged`);
  }
  const config = resolveConfiguration(configSchema, [
    { name: join(directory, 'config.json'), values: { ...description.config } },
  ]);
  const tokenizer = readTokenizer(join(directory, vocabularyFile));
  if (tokenizer.fingerprint !== description.vocabulary.fingerprint) {
    throw new InputError(
      `Expected ${join(directory, vocabularyFile)} to be the vocabulary the run was trained with ` +
        `(${description.vocabulary.size} tokens), got another one (${tokenizer.vocabulary.size} tokens)`,
    );
  }
  return { directory, description, config, tokenizer };
}

function readTokenizer(path: string): Tokenizer {
  try {
    return tokenizerFromJSON(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new InputError(`Expected a vocabulary at ${path}, got: ${(cause as Error).message}`, { cause });
  }
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
  return { ...saved, step: loaded.step, loadModel: () => loadModel(saved, loaded) };
}

function loadModel({ config, tokenizer }: SavedRun, { weights, directory }: LoadedCheckpoint): RecurrentLanguageModel {
  const model = createModel(config, tokenizer.vocabulary.size, new Random(config.seed));
  try {
    assignWeights(model.parameters, weights);
  } catch (cause) {
    throw new CheckpointError(`${(cause as Error).message}: ${directory}`, { cause });
  }
  return model;
}

/** What may differ when a run is resumed: how long it goes on and what is watched, not what is computed. */
const free = ['training.maxSteps', 'training.maxMinutes', 'training.epochs', 'monitoring.'];

/**
 * The configuration to resume with: the run's own, with other limits where they are asked for. Anything else that differs
 * is refused, since the run would no longer be the one that was started.
 */
export function checkSameConfig(saved: SavedRun, sources: ConfigSources): Config {
  const { reducedBudget } = saved.description;
  const base = sources.preset === undefined && sources.file === undefined ? saved.config : undefined;
  const asked = resolveConfig({ ...sources, base, reducedBudget });
  // What the start of the run made of "automatic" stays.
  asked.training.schedule.steps ??= saved.config.training.schedule.steps;
  for (const key of leafKeys(configSchema)) {
    const path = key.split('.');
    const [own, other] = [valueAt(saved.config, path), valueAt(asked, path)];
    if (own === other || free.some((prefix) => key.startsWith(prefix))) continue;
    throw new ConfigError(
      `Expected ${key} to stay ${JSON.stringify(own)} in a resumed run, got ${JSON.stringify(other)}; start a new run for that`,
    );
  }
  return asked;
}

/** Refuses to go on with another text than the run was started with. */
export function checkSameData({ description }: SavedRun, data: DataDescription): void {
  const pairs = [
    ['the text', description.data, data],
    ['the validation text', description.data.validation, data.validation],
  ] as const;
  for (const [what, own, other] of pairs) {
    if (own?.fingerprint === other?.fingerprint) continue;
    const name = (part: typeof own): string =>
      part === null
        ? 'none'
        : `${part.source} (SHA-256 ${part.fingerprint.slice(0, 12)}…, ${part.characters} characters)`;
    throw new InputError(`Expected ${what} that the run was started with, ${name(own)}, got ${name(other)}`);
  }
}

function warnOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
