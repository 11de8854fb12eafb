import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readRunDescription, resolveConfiguration, type RunDescriptionBase } from '@cadenza/cli';
import {
  assignWeights,
  CheckpointError,
  CheckpointStore,
  InputError,
  Random,
  unfilled,
  type SequenceToSequence,
  type TensorData,
} from '@cadenza/core';
import { averageWeights } from './average.js';
import { SentenceCodec } from './codec.js';
import { runConfigSchema, type Config } from './config.js';
import { createModel } from './model.js';
import type { DataDescription } from './prepare.js';

export const runFormat = 'cadenza-translation';
export const vocabularyFile = 'vocabulary.json';

/** The file `config.json` of a run: everything the training was given, and with what it ran. */
export interface RunDescription extends RunDescriptionBase {
  format: typeof runFormat;
  config: Config;
  languages: { source: string; target: string };
  data: DataDescription;
  vocabulary: { source: number; target: number; fingerprint: string };
  /** There where the weights are the mean of a run's checkpoints: of which. */
  averaged?: { run: string; steps: number[] };
  /** There where the training began with the weights of another run: of which. */
  from?: UsedRun;
  /** There where runs teach this one: which. */
  teachers?: UsedRun[];
}

/** A run whose weights another one was made with. */
export interface UsedRun {
  run: string;
  step: number;
  /** SHA-256 of the weights; absent in runs of earlier versions. */
  weights?: string;
}

/** A run folder without its weights. */
export interface SavedRun {
  directory: string;
  description: RunDescription;
  config: Config;
  codec: SentenceCodec;
}

/** A run folder with the weights of one of its checkpoints, or averaged ones, read and found whole. */
export interface OpenRun extends SavedRun {
  /** The newest step that the weights are of. */
  step: number;
  weights: ReadonlyMap<string, TensorData>;
  /** Makes the network and gives it the weights. */
  loadModel(): SequenceToSequence;
}

/** Run folders that an option names, with commas between them. */
export function runsNamed(value: string, option: string): string[] {
  const folders = value.split(',').filter((folder) => folder !== '');
  if (folders.length === 0) throw new InputError(`Expected ${option} to be a run folder, got "${value}"`);
  return folders;
}

/** Reads a run's configuration and codec. Needs no backend. */
export function readRun(path: string): SavedRun {
  const directory = resolve(path);
  const description = readRunDescription<RunDescription>(directory, {
    format: runFormat,
    parts: ['config', 'data', 'vocabulary', 'languages'],
  });
  const config = resolveConfiguration(runConfigSchema, [
    { name: join(directory, 'config.json'), values: { ...description.config } },
  ]);
  const codec = readCodec(join(directory, vocabularyFile));
  if (codec.fingerprint !== description.vocabulary.fingerprint) {
    throw new InputError(
      `Expected ${join(directory, vocabularyFile)} to be the vocabulary the run was trained with ` +
        `(${description.vocabulary.target} target subwords), got another one (${codec.target.size})`,
    );
  }
  return { directory, description, config, codec };
}

function readCodec(path: string): SentenceCodec {
  try {
    return SentenceCodec.fromJSON(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? ' nothing there' : `: ${message}`;
    throw new InputError(`Expected a vocabulary at ${path}, got${got}`, { cause });
  }
}

export interface OpenOptions {
  checkpoint?: 'best' | 'latest' | number;
  /** Averages the weights of so many of the newest checkpoints in place of taking one's. */
  average?: number;
  onWarning?: (line: string) => void;
}

/** Opens a run to use its model. A damaged checkpoint is passed over for the one before, with a warning. */
export function openRun(path: string, options: OpenOptions = {}): OpenRun {
  const { checkpoint = 'best', average, onWarning = warnOnStderr } = options;
  const saved = readRun(path);
  const store = new CheckpointStore(saved.directory, { onWarning });
  const loaded =
    average === undefined
      ? store.load(checkpoint)
      : averageWeights(store, average, saved.config.monitoring.keepCheckpoints);
  if (loaded === undefined) {
    throw new CheckpointError(`Expected the run to have a checkpoint, got none in ${saved.directory}; train it first`);
  }
  const { weights, step } = loaded;
  return { ...saved, step, weights, loadModel: () => loadModel(saved, weights) };
}

function loadModel(
  { directory, config, codec }: SavedRun,
  weights: ReadonlyMap<string, TensorData>,
): SequenceToSequence {
  const model = unfilled(() => createModel(config, codec, new Random(config.seed)));
  try {
    assignWeights(model.parameters, weights);
  } catch (cause) {
    model.dispose();
    if (cause instanceof InputError) throw cause;
    throw new CheckpointError(`${(cause as Error).message}: ${directory}`, { cause });
  }
  return model;
}

/** How a run is written down whose weights are used to make another one. */
export function usedRun({ directory, step, weights }: OpenRun): UsedRun {
  return { run: directory, step, weights: fingerprintOfWeights(weights) };
}

function fingerprintOfWeights(weights: ReadonlyMap<string, TensorData>): string {
  const hash = createHash('sha256');
  for (const [name, { dtype, shape, values }] of weights) {
    hash.update(JSON.stringify([name, dtype, shape]));
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return hash.digest('hex');
}

/** Opens a run again whose weights were used. Throws where it has been trained anew since. */
function reopen({ run, step, weights }: UsedRun, onWarning?: (line: string) => void): OpenRun {
  const opened = openRun(run, { checkpoint: step, onWarning });
  if (weights === undefined || fingerprintOfWeights(opened.weights) === weights) return opened;
  throw new CheckpointError(`Expected step ${step} of ${run} to have the weights that it had, got others`);
}

/** The weights of another run that a run began with, for one that was killed before its first checkpoint. */
export function firstWeights({ description: { from } }: SavedRun): ReadonlyMap<string, TensorData> | undefined {
  if (from === undefined) return undefined;
  try {
    return reopen(from).weights;
  } catch (cause) {
    throw new CheckpointError(`${(cause as Error).message}; the run began with it, start a new run`, { cause });
  }
}

/** The runs that have taught a run so far, at the steps they had then. */
export function taughtBy(saved: SavedRun | undefined, onWarning: (line: string) => void): OpenRun[] {
  const teachers = saved?.description.teachers ?? [];
  try {
    return teachers.map((teacher) => reopen(teacher, onWarning));
  } catch (cause) {
    throw new CheckpointError(`${(cause as Error).message}; the run is taught by it, start a new run`, { cause });
  }
}

/** Refuses runs that cannot teach one with this codec, whose ids they would not know. */
export function checkTeachers(teachers: readonly OpenRun[], codec: SentenceCodec): void {
  for (const { directory, codec: own } of teachers) {
    if (own.fingerprint === codec.fingerprint) continue;
    const got = `got one of ${own.target.size} target subwords: ${directory}`;
    throw new InputError(`Expected a teacher to have the vocabulary of ${codec.target.size} that is trained, ${got}`);
  }
}

/** Refuses a run that translates between other languages than are asked for. */
export function checkLanguages(
  { directory, description: { languages } }: SavedRun,
  asked: { source?: string; target?: string },
): void {
  const wanted = { source: asked.source ?? languages.source, target: asked.target ?? languages.target };
  if (wanted.source === languages.source && wanted.target === languages.target) return;
  throw new InputError(
    `Expected a run that translates ${wanted.source} to ${wanted.target}, got one of ${languages.source} to ${languages.target}: ${directory}`,
  );
}

/** Refuses a configuration whose lines or whose network are not those of the run it is to begin from; dropouts may differ. */
export function checkSameModel(run: SavedRun, config: Config): void {
  checkSameLines(run, config, 'in the run to begin from');
  const network = ({ model: { dropout: _dropout, variational: _variational, ...rest } }: Config): Values => rest;
  checkSamePart('model', network(run.config), network(config), 'in the run to begin from', run.directory);
}

/** Refuses a configuration whose lines do not become tokens as those of the run do whose vocabulary it takes. */
export function checkSameLines(run: SavedRun, config: Config, where = 'in the run of the vocabulary'): void {
  const lines = ({ text }: Config): Values => {
    const { tokenization, casing, normalization, merges, vocabulary, minimumFrequency } = text;
    return { tokenization, casing, normalization, merges, vocabulary, minimumFrequency };
  };
  checkSamePart('text', lines(run.config), lines(config), where, run.directory);
}

type Values = Record<string, unknown>;

function checkSamePart(part: string, own: Values, asked: Values, where: string, directory: string): void {
  for (const [name, value] of Object.entries(own)) {
    const [wanted, got] = [JSON.stringify(value), JSON.stringify(asked[name])];
    if (got === wanted) continue;
    throw new InputError(`Expected ${part}.${name} to be ${wanted} as ${where}, got ${got}: ${directory}`);
  }
}

function warnOnStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}
