import { choice, finiteNumber, hypothesisCount, nonNegativeInteger, positiveInteger, type Output } from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import type { Command } from 'commander';
import { checkLanguages, openRun, runsNamed, type OpenRun } from '../run.js';
import { beamOf, defaultBeam, optionOfAttention, type TranslateOptions } from '../translationOptions.js';

/** The options of every verb that uses trained models. */
export interface RunOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  average?: number;
  sourceLanguage?: string;
  targetLanguage?: string;
}

export function addRunFlags(verb: Command): void {
  verb
    .requiredOption(
      '--run <folder>',
      'the run of the model, or several with commas between them, whose average is used',
    )
    .addOption(choice('--checkpoint <name>', 'of the run', ['best', 'latest']).default('best'))
    .option('--average <number>', 'average the weights of so many of the newest checkpoints', positiveInteger)
    .option('--source-language <tag>', 'refuse a run that translates from another')
    .option('--target-language <tag>', 'refuse a run that translates to another');
}

/** Opens the runs of `--run`, and tells which they are. */
export function openRuns({ run, ...options }: RunOptions, output: Output): OpenRun[] {
  if (options.average !== undefined && options.checkpoint === 'latest') {
    throw new ConfigError('Expected either --checkpoint latest or --average, got both');
  }
  const runs = runsNamed(run, '--run').map((folder) => openRun(folder, { ...options, onWarning: output.warn }));
  for (const open of runs) {
    checkLanguages(open, { source: options.sourceLanguage, target: options.targetLanguage });
    const which = options.average === undefined ? options.checkpoint : `average of ${options.average}`;
    const { source, target } = open.description.languages;
    output.say(`${open.directory}, ${source} to ${target}, step ${open.step} (${which})`);
  }
  return runs;
}

/** The flags of how translations are searched for. */
export interface SearchFlags {
  /** {@link defaultBeam} when absent. */
  beam?: number;
  mbr?: number;
  lengthPenalty: number;
  coveragePenalty: number;
  minLength: number;
  maxLength?: number;
  /** Of `--no-repeat-ngram`, whose `no` the option parser takes for a negation. */
  repeatNgram: number;
  replaceUnknown?: boolean;
}

const searchDefaults = { lengthPenalty: 1, coveragePenalty: 0, minLength: 0, repeatNgram: 0 };

export function addSearchFlags(verb: Command): void {
  const { lengthPenalty, coveragePenalty, minLength, repeatNgram } = searchDefaults;
  const longer = 'above 0 prefers longer translations (Wu et al. 2016)';
  verb
    .option('--beam <number>', `hypotheses followed at once; 1 is greedy (default: ${defaultBeam})`, hypothesisCount)
    .option(
      '--mbr <number>',
      `choose the one of so many that is most like the others, by minimum Bayes risk`,
      hypothesisCount,
    )
    .option('--length-penalty <alpha>', longer, finiteNumber, lengthPenalty)
    .option('--coverage-penalty <beta>', 'above 0 wants every source word read', finiteNumber, coveragePenalty)
    .option('--min-length <subwords>', 'fewest of a translation', nonNegativeInteger, minLength)
    .option('--max-length <subwords>', 'most (default: twice the source’s and ten)', positiveInteger)
    .option('--no-repeat-ngram <n>', 'no n subwords in a row twice; 0 is no limit', nonNegativeInteger, repeatNgram)
    .option('--replace-unknown', 'copy the most attended source word for an unknown one');
}

/** Refuses what says how to search where nothing is searched for. */
export function checkNoSearchFlags(flags: SearchFlags, where: string): void {
  const names = {
    ...{ beam: 'beam', mbr: 'mbr', lengthPenalty: 'length-penalty', coveragePenalty: 'coverage-penalty' },
    ...{ minLength: 'min-length', maxLength: 'max-length', repeatNgram: 'no-repeat-ngram' },
    replaceUnknown: 'replace-unknown',
  };
  const unsaid: SearchFlags = searchDefaults;
  for (const [key, name] of Object.entries(names) as [keyof typeof names, string][]) {
    if (flags[key] !== unsaid[key]) throw new ConfigError(`Expected no --${name} ${where}, got ${flags[key]}`);
  }
}

/** Refuses what looks at attention where a network has none. */
export function checkAttention(runs: readonly OpenRun[], flags: SearchFlags & { alignment?: unknown }): void {
  const without = runs.find(({ config }) => config.model.decoder.score === 'none');
  if (without === undefined) return;
  const name = optionOfAttention({ ...flags, alignment: flags.alignment !== undefined });
  if (name === undefined) return;
  const flag = { alignment: 'alignment', replaceUnknown: 'replace-unknown', coveragePenalty: 'coverage-penalty' }[name];
  throw new ConfigError(`Expected a network with attention for --${flag}, got one without: ${without.directory}`);
}

/** The flags as a translator takes them. */
export function searchOptions(flags: SearchFlags): TranslateOptions {
  const { mbr, lengthPenalty, coveragePenalty, minLength, maxLength, repeatNgram, replaceUnknown } = flags;
  const beam = beamOf(flags);
  for (const [name, value] of Object.entries({
    'length-penalty': lengthPenalty,
    'coverage-penalty': coveragePenalty,
  })) {
    if (value < 0) throw new ConfigError(`Expected --${name} to be at least 0, got ${value}`);
  }
  if (mbr !== undefined && mbr > beam) {
    throw new ConfigError(`Expected --mbr to be at most --beam ${beam}, got ${mbr}`);
  }
  if (maxLength !== undefined && minLength > maxLength) {
    throw new ConfigError(`Expected --min-length to be at most --max-length ${maxLength}, got ${minLength}`);
  }
  return {
    beam,
    mbr,
    lengthPenalty,
    coveragePenalty,
    minLength,
    maxLength,
    noRepeatNgram: repeatNgram,
    replaceUnknown,
  };
}
