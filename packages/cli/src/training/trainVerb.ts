import { resolve } from 'node:path';
import { ConfigError } from '@cadenza/core';
import type { Command } from 'commander';
import type { z } from 'zod';
import { isFast, type BackendWishes, type StartedBackend } from '../backend.js';
import { repeated, type CommonOptions } from '../command.js';
import { addConfigFlags, configFromFlags, type ConfigFlag } from '../configFlags.js';
import type { Output } from '../output.js';
import type { ConfigSources } from '../presets.js';
import { checkSameValues, defaultRunFolder, type RunDescriptionBase } from '../runDescription.js';
import { checkRunFolder } from '../runFolder.js';
import { merge, nest, valueAt, type Values } from '../values.js';

/** The options that every `train` has. */
export interface TrainOptions extends CommonOptions {
  run?: string;
  preset?: string;
  config?: string;
  set?: string[];
  resume?: boolean;
}

/** A run that goes on, as far as every `train` knows it. */
interface SavedTraining<Config> {
  config: Config;
  description: Pick<RunDescriptionBase, 'backend' | 'threads' | 'precision' | 'reducedBudget'>;
}

/** What every command's configuration has. */
interface AnyConfig {
  precision: 'f32' | 'bf16';
}

/** What the `train` of one command is configured by, and what its runs are. */
export interface TrainVerb<Config extends AnyConfig, Sources extends ConfigSources<Config>, Saved> {
  /** Runs that nobody names are `runs/NAME-TIME`. */
  name: string;
  presetNames: () => string[];
  flags: readonly ConfigFlag[];
  /** What a start that was killed before there was a config.json may leave behind. */
  leftovers: readonly string[];
  schema: z.ZodType<Config>;
  resolveConfig: (sources: Sources) => Config;
  hasSlowBudget: (preset?: string) => boolean;
  readRun: (directory: string) => Saved;
  /** Paths of values besides {@link automatic} that the start of a run fills in where they are null. */
  filledIn?: readonly string[];
}

/** Paths of values that the start of any run fills in where they are null; see `resolveAutomatic`. */
const automatic = ['training.schedule.steps', 'monitoring.validationSteps', 'monitoring.checkpointSteps'];

/** Gives a verb the options that every `train` has, and those of the configuration. */
export function addTrainOptions(
  verb: Command,
  { presetNames, flags }: { presetNames: () => string[]; flags: readonly ConfigFlag[] },
): void {
  verb
    .option('--run <folder>', 'where the run is kept (default: a new folder in runs/)')
    .option('--preset <name>', `what to start from: ${presetNames().join(', ')} (default: default)`)
    .option('--config <file>', 'a JSON file of configuration values')
    .option('--set <key=value>', 'one configuration value, repeatable', repeated)
    .option('--resume', 'continue the run from its last checkpoint');
  addConfigFlags(verb, flags);
}

/** What was asked for, before anything was started or read. */
export interface PlannedTraining<Config, Sources, Saved> {
  directory: string;
  resume: boolean;
  sources: Sources;
  asked: Config;
  /** The run that goes on; `asked` is its configuration then, with other limits where they are asked for. */
  saved?: Saved;
}

/**
 * Checks the run's folder and the configuration, and reads the run that goes on: all that can be wrong before the backend starts.
 * @param more sources that only this command has
 */
export function planTraining<
  Config extends AnyConfig,
  Sources extends ConfigSources<Config>,
  Saved extends SavedTraining<Config>,
>(
  verb: TrainVerb<Config, Sources, Saved>,
  options: TrainOptions,
  more: Omit<Sources, keyof ConfigSources> = {} as Omit<Sources, keyof ConfigSources>,
): PlannedTraining<Config, Sources, Saved> {
  const resume = options.resume ?? false;
  if (resume && options.run === undefined) throw new ConfigError('Expected --run beside --resume, got none');
  const directory = resolve(options.run ?? defaultRunFolder(verb.name));
  checkRunFolder(directory, { resume, leftovers: verb.leftovers });
  const shared: ConfigSources<Config> = {
    preset: options.preset,
    file: options.config,
    flags: configFromFlags({ ...options }, verb.flags),
    assignments: options.set,
  };
  const sources = { ...shared, ...more } as Sources;
  if (!resume) return { directory, resume, sources, asked: verb.resolveConfig(sources) };
  const saved = verb.readRun(directory);
  return { directory, resume, sources, asked: resumedConfig(verb, saved, sources), saved };
}

/**
 * The configuration to resume with: the run's own, with other limits where they are asked for. Anything else that differs
 * is refused, since the run would no longer be the one that was started.
 */
function resumedConfig<Config extends AnyConfig, Sources extends ConfigSources<Config>, Saved>(
  { schema, resolveConfig, filledIn = [] }: TrainVerb<Config, Sources, Saved>,
  { config, description: { reducedBudget } }: SavedTraining<Config>,
  sources: Sources,
): Config {
  const base = sources.preset === undefined ? config : undefined;
  let values = resolveConfig({ ...sources, base, reducedBudget }) as unknown as Values;
  // What the start of the run made of "automatic" stays.
  for (const path of [...automatic, ...filledIn].map((key) => key.split('.'))) {
    if (valueAt(values, path) === null) values = merge(values, nest(path, valueAt(config, path)));
  }
  const asked = values as unknown as Config;
  checkSameValues(schema, config, asked);
  return asked;
}

/** What a training computes with, and its configuration. */
export interface SettledTraining<Config, Backend> {
  backend: Backend;
  config: Config;
  /** The preset's smaller budget for slow backends was taken. */
  reducedBudget: boolean;
}

/** Settles the configuration and starts the backend: that of the run that goes on, or the preset's smaller one for a slow backend. */
export async function settleTraining<
  Config extends AnyConfig,
  Sources extends ConfigSources<Config>,
  Saved extends SavedTraining<Config>,
  Backend extends StartedBackend,
>(
  verb: TrainVerb<Config, Sources, Saved>,
  { sources, asked, saved }: PlannedTraining<Config, Sources, Saved>,
  startBackend: (wishes: BackendWishes) => Promise<Backend>,
  output: Output,
): Promise<SettledTraining<Config, Backend>> {
  const backend = await startBackend({
    precision: saved?.description.precision ?? asked.precision,
    resumed: saved?.description,
  });
  const reducedBudget = saved?.description.reducedBudget ?? (!isFast(backend) && verb.hasSlowBudget(sources.preset));
  if (reducedBudget) output.say(`The ${backend.name} backend is slow: taking the smaller budget of the preset`);
  const config = saved ? asked : verb.resolveConfig({ ...sources, reducedBudget });
  return { backend, config, reducedBudget };
}
