import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  isObject,
  messageOf,
  plural,
  readRunDescription,
  resolveConfiguration,
  type RunDescriptionBase,
} from '@cadenza/cli';
import {
  assignWeights,
  CheckpointError,
  CheckpointStore,
  ConfigError,
  decodeSafetensors,
  InputError,
  Random,
  unfilled,
  roundWeights,
  unpackWeights,
  weightFormats,
  type RecurrentLanguageModel,
  type TensorData,
  type WeightFormat,
} from '@cadenza/core';
import { tokenizerFromJSON, type Tokenizer } from '@cadenza/text';
import { configSchema, type Config } from './config.js';
import { createModel } from './model.js';
import type { DataDescription } from './prepare.js';

export const runFormat = 'cadenza-text-generation';

/** The file `config.json` of a run: everything the training was given, and with what it ran. */
export interface RunDescription extends RunDescriptionBase {
  format: typeof runFormat;
  config: Config;
  data: DataDescription;
  vocabulary: { size: number; fingerprint: string };
  /** There in an exported folder: its one file of weights, and the step they are of. */
  exported?: { weights: WeightFormat; step: number; sha256: string };
}

/** A run folder without its weights. */
export interface SavedRun {
  directory: string;
  description: RunDescription;
  config: Config;
  tokenizer: Tokenizer;
}

/** A run folder with one of its checkpoints, or an exported folder, read and found whole. */
export interface OpenRun extends SavedRun {
  step: number;
  /** The file of the weights: its size in bytes, the format it keeps them in, and what they are as float32. */
  stored: { bytes: number; format: WeightFormat; weights: ReadonlyMap<string, TensorData> };
  /**
   * Makes the network and gives it the weights: the averaged ones where averaging is on.
   *
   * @param format rounds them as an export to this format would; the file's own, which changes nothing, when absent
   */
  loadModel(format?: WeightFormat): RecurrentLanguageModel;
}

export const vocabularyFile = 'vocabulary.json';
export const weightsFile = 'weights.safetensors';

/** Reads a run's configuration and vocabulary. Needs no backend. */
export function readRun(path: string): SavedRun {
  const directory = resolve(path);
  const description = readRunDescription<RunDescription>(directory, {
    format: runFormat,
    parts: ['config', 'data', 'vocabulary'],
  });
  checkExported(description, directory);
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

/** What says how the weights of an exported folder are kept, if it is one. */
function checkExported({ exported }: RunDescription, directory: string): void {
  if (exported === undefined) return;
  const { weights, step, sha256 } = (isObject(exported) ? exported : {}) as Partial<typeof exported>;
  if (
    weights !== undefined &&
    weightFormats.includes(weights) &&
    Number.isInteger(step) &&
    typeof sha256 === 'string'
  ) {
    return;
  }
  throw new InputError(
    `Expected exported in ${join(directory, 'config.json')} to name weights of ${weightFormats.join(', ')}, a step and ` +
      `a SHA-256, got ${JSON.stringify(exported)}; it is damaged`,
  );
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
  const { exported } = saved.description;
  if (exported !== undefined) {
    if (checkpoint !== 'best') {
      throw new ConfigError(`Expected no --checkpoint for an exported folder, got ${checkpoint}: it has one`);
    }
    return opened(saved, exported.step, readExported(saved.directory, exported));
  }
  const loaded = new CheckpointStore(saved.directory, { onWarning }).load(checkpoint);
  if (loaded === undefined) {
    throw new CheckpointError(`Expected the run to have a checkpoint, got none in ${saved.directory}; train it first`);
  }
  const { weights, directory } = loaded;
  return opened(saved, loaded.step, { bytes: statSync(join(directory, weightsFile)).size, format: 'f32', weights });
}

function opened(saved: SavedRun, step: number, stored: OpenRun['stored']): OpenRun {
  return { ...saved, step, stored, loadModel: (format = stored.format) => loadModel(saved, stored, format) };
}

function readExported(directory: string, exported: Required<RunDescription>['exported']): OpenRun['stored'] {
  const path = join(directory, weightsFile);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CheckpointError(`Expected the exported weights at ${path}, got: ${messageOf(cause)}`, { cause });
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== exported.sha256) {
    throw new CheckpointError(
      `Expected ${path} to have the SHA-256 ${exported.sha256.slice(0, 12)}... of config.json, ` +
        `got ${sha256.slice(0, 12)}... (${plural(bytes.length, 'byte')}): the file is truncated or damaged; export it again`,
      { code: 'DAMAGED' },
    );
  }
  const weights = unpackWeights(decodeSafetensors(bytes, path).tensors);
  return { bytes: bytes.length, format: exported.weights, weights };
}

function loadModel(
  { directory, config, tokenizer }: SavedRun,
  { weights, format: own }: OpenRun['stored'],
  format: WeightFormat,
): RecurrentLanguageModel {
  const model = unfilled(() => createModel(config, tokenizer.vocabulary.size, new Random(config.seed)));
  try {
    assignWeights(model.parameters, format === own ? weights : roundWeights(weights, format));
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new CheckpointError(`${(cause as Error).message}: ${directory}`, { cause });
  }
  return model;
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
        : `${part.source} (SHA-256 ${part.fingerprint.slice(0, 12)}…, ${plural(part.characters, 'character')})`;
    throw new InputError(`Expected ${what} that the run was started with, ${name(own)}, got ${name(other)}`);
  }
}

function warnOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
