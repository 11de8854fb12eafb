import type { CommonOptions } from '@cadenza/cli';
import { ConfigError } from '@cadenza/core';
import type { DecoderOptions } from '../decoder.js';
import { checkEndpointing, type EndpointingOptions } from '../endpointing.js';
import type { TranscriptFormat } from '../formats.js';
import { checkHotWords, parseHotWord } from '../hotWords.js';
import type { SavedRun } from '../run.js';
import type { RawEncoding, RawFormat } from '../soundInput.js';

export interface TranscribeFlags extends CommonOptions {
  run: string;
  checkpoint: 'best' | 'latest';
  format: TranscriptFormat;
  words?: boolean;
  nBest?: number;
  output?: string;
  beam?: number;
  greedy?: boolean;
  hotWord?: string[];
  adapt: boolean;
  maxSeconds?: number;
  pause?: number;
  raw?: RawEncoding;
  rate?: number;
  channels?: number;
}

/** The flags as a recogniser takes them. */
export interface RecognitionOptions extends DecoderOptions {
  adapt: boolean;
  endpointing: EndpointingOptions;
}

/** Refuses flags that do not go together, before anything is read. @throws {ConfigError} */
export function checkFlags(flags: TranscribeFlags, paths: readonly string[]): void {
  const { format, words, nBest, raw } = flags;
  const refuse = (wanted: string, got: string): never => {
    throw new ConfigError(`Expected ${wanted}, got ${got}`);
  };
  const live = paths.length === 0 || paths.includes('-');
  if (paths.length > 1 && paths.includes('-')) refuse('standard input by itself', `${paths.join(' ')}`);
  if (words && format !== 'text') refuse('--format text with --words (json has the words always)', format);
  if (words && nBest !== undefined) refuse('one of --words and --n-best', 'both');
  if (nBest !== undefined && (format === 'srt' || format === 'vtt')) {
    refuse('--format text or json with --n-best', format);
  }
  checkGreedy(flags);
  if (raw !== undefined && !live) refuse('standard input with --raw', paths.join(' '));
  for (const name of ['rate', 'channels'] as const) {
    if (raw === undefined && flags[name] !== undefined) refuse(`--raw with --${name}`, 'none');
  }
  if (live && flags.output !== undefined) refuse('files or folders with --output', 'standard input');
}

/** The flags of a search. */
export type SearchFlags = Pick<TranscribeFlags, 'beam' | 'greedy' | 'nBest' | 'hotWord'>;

/** @throws {ConfigError} for what there is nothing of where one path is followed */
export function checkGreedy(flags: SearchFlags): void {
  if (flags.greedy) checkOnePath(flags, '--greedy');
}

function checkOnePath(flags: SearchFlags, what: string): void {
  for (const name of ['beam', 'nBest', 'hotWord'] as const) {
    if (flags[name] === undefined) continue;
    throw new ConfigError(`Expected no --${flagName(name)} with ${what}, which follows one path, got it`);
  }
}

/** @throws {ConfigError} for flags of a search with a run that has none */
export function checkSearched(flags: SearchFlags, { config }: Pick<SavedRun, 'config'>): void {
  if (config.task !== 'classify') {
    if (config.decoding.method === 'greedy') checkOnePath(flags, 'a run of decoding.method greedy');
    return;
  }
  for (const name of ['beam', 'greedy', 'hotWord'] as const) {
    if (flags[name] === undefined) continue;
    throw new ConfigError(`Expected no --${flagName(name)} with a run of task classify, which has no search, got it`);
  }
}

/** What the flags ask of a run's model. @throws {ConfigError} for what the model cannot do */
export function recognitionOptions(flags: TranscribeFlags, { config, symbols }: SavedRun): RecognitionOptions {
  const { beam, nBest, greedy, adapt, maxSeconds, pause } = flags;
  checkSearched(flags, { config });
  const hotWords = flags.hotWord?.map(parseHotWord);
  if (hotWords !== undefined) checkHotWords(hotWords, symbols);
  const endpointing = { maximumUtterance: maxSeconds, pause };
  checkEndpointing(endpointing, config.features.sampleRate, { maximumUtterance: '--max-seconds', pause: '--pause' });
  return { beam, nBest, method: greedy ? 'greedy' : undefined, hotWords, adapt, endpointing };
}

/** What the samples of standard input are, where they have no header; the model's rate where none is told. */
export function rawFormat({ raw, rate, channels = 1 }: TranscribeFlags, { config }: SavedRun): RawFormat | undefined {
  return raw && { encoding: raw, sampleRate: rate ?? config.features.sampleRate, channels };
}

function flagName(name: string): string {
  return name.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
}
