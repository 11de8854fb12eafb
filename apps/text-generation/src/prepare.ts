import { resolve } from 'node:path';
import { findDataPath } from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import { CharacterTokenizer, normalizeText, readCorpus, splitText, WordTokenizer, type Tokenizer } from '@cadenza/text';
import { createHash } from 'node:crypto';
import type { Config } from './config.js';
import { commandName, dataSets } from './dataSets.js';
import { embeddedName, embeddedText } from './embeddedText.js';

/** Where a text came from, and how it is known to be the same text again. */
export interface TextSource {
  /** An absolute path, `-` for standard input, or the embedded text's name. */
  source: string;
  fingerprint: string;
  /** Code points of the whole text. */
  characters: number;
}

/** The sources of a run's texts; part of `config.json`. */
export interface DataDescription extends TextSource {
  /** The text of `--validation-data`, or null where the validation part is the end of the text itself. */
  validation: TextSource | null;
}

/** A text, its training and validation parts, and what describes it. */
export interface SplitCorpus {
  train: string;
  validation: string;
  description: DataDescription;
}

/** The parts as token ids. */
export interface PreparedText {
  tokenizer: Tokenizer;
  train: Int32Array;
  validation: Int32Array;
  /** How many characters of the validation text each of its tokens stands for. */
  validationCharacters: Int32Array;
  description: DataDescription;
}

/** A text as read, normalised as the configuration says. */
interface SourceText extends TextSource {
  text: string;
}

/** Reads a file, a folder, standard input (`-`), a fetched data set by name, or the embedded text where no path is given. */
export async function readText(
  path: string | undefined,
  { text: options }: Config,
  signal?: AbortSignal,
): Promise<SourceText> {
  const normalization = { form: options.normalization, lowerCase: options.lowerCase };
  if (path === undefined || path === embeddedName) {
    const raw = embeddedText({ characters: options.embeddedCharacters });
    const text = normalizeText(raw, normalization);
    const fingerprint = createHash('sha256').update(raw).digest('hex');
    return { source: embeddedName, text, fingerprint, characters: countCharacters(text) };
  }
  const found = findDataPath(path, dataSets, commandName);
  const corpus = await readCorpus(found, { signal });
  const text = normalizeText(corpus.text, normalization);
  const source = found === '-' ? '-' : resolve(found);
  return { source, text, fingerprint: corpus.fingerprint, characters: countCharacters(text) };
}

/** Reads the text and splits it: the end is for validation, unless a text of its own is. */
export async function readCorpora(
  config: Config,
  { data, validationData, signal }: { data?: string; validationData?: string; signal?: AbortSignal },
): Promise<SplitCorpus> {
  const { text, ...whole } = await readText(data, config, signal);
  if (validationData === undefined) {
    const { train, validation } = splitText(text, { validation: config.text.validationFraction });
    return { train, validation, description: { ...whole, validation: null } };
  }
  const { text: validation, ...described } = await readText(validationData, config, signal);
  return { train: text, validation, description: { ...whole, validation: described } };
}

/** A run's source, if it can be read again: what came from standard input cannot. */
export function rereadable(
  source: string | undefined,
  what = 'the text',
  remedy = 'pipe it in again with --data -, or name it with --data',
): string | undefined {
  if (source !== '-') return source;
  throw new InputError(
    `Expected ${what} of the run, got none: it came from standard input, which is not kept; ${remedy}`,
  );
}

/** A part of a text, or all of it. */
export type TextPart = 'validation' | 'train' | 'all';

export function partOf(text: string, part: TextPart, config: Config): string {
  return part === 'all' ? text : splitText(text, { validation: config.text.validationFraction })[part];
}

/**
 * A part of a run's own text, split as it was for training; of a run with a validation text of its own, that, or all of the text
 * itself. Only the text that is needed is read again, and not the run's own where `whole` is it. Where it is gone or changed, the
 * error ends with what to do then.
 */
export async function readOwnPart(
  { config, description: { data: own } }: { config: Config; description: { data: DataDescription } },
  part: TextPart,
  { whole, remedy }: { whole?: string; remedy?: string } = {},
): Promise<string> {
  const again = async ({ source, fingerprint }: TextSource, what: string): Promise<string> => {
    const now = await readText(rereadable(source, what, remedy), config);
    if (now.fingerprint === fingerprint) return now.text;
    throw new InputError(
      `Expected ${source} to be ${what} the run was trained on, got a changed one; ${remedy ?? 'name a text with --data'}`,
    );
  };
  if (own.validation === null) return partOf(whole ?? (await again(own, 'the text')), part, config);
  return part === 'validation' ? again(own.validation, 'the validation text') : (whole ?? again(own, 'the text'));
}

/**
 * Makes the tokenizer and encodes both parts. Characters are taken from both, as char-rnn and nanoGPT do, so that nothing
 * is unknown; words only from the training part, and the rest is `<unk>`.
 */
export function prepareText(corpus: SplitCorpus, config: Config): PreparedText {
  const tokenizer = buildTokenizer(corpus, config);
  return encodeCorpora(corpus, tokenizer, config);
}

/** Encodes both parts with a tokenizer that is already there, for a resumed run. */
export function encodeCorpora(corpus: SplitCorpus, tokenizer: Tokenizer, config: Config): PreparedText {
  const unknown = config.text.level === 'word' ? 'unk' : 'error';
  const train = tokenizer.encode(corpus.train, { unknown, name: 'the training text' });
  const validation = tokenizer.encode(corpus.validation, { unknown, name: 'the validation text' });
  const { batchSize, sequenceLength } = config.training;
  const needed = batchSize * sequenceLength + 1;
  if (train.length < needed) {
    throw new InputError(
      `Expected a training text of at least ${needed} tokens (${batchSize} streams of ${sequenceLength}), got ${train.length} ` +
        `in ${corpus.description.source}; take more text, or a smaller --batch or --sequence-length`,
    );
  }
  if (validation.length < 2) {
    throw new InputError(`Expected a validation text of at least 2 tokens, got ${validation.length}`);
  }
  const validationCharacters = tokenizer.characterCounts(corpus.validation, { unknown });
  return { tokenizer, train, validation, validationCharacters, description: corpus.description };
}

function buildTokenizer({ train, validation }: SplitCorpus, { text }: Config): Tokenizer {
  const normalization = { form: text.normalization, lowerCase: text.lowerCase };
  if (text.level === 'character') return CharacterTokenizer.build(train + validation, { normalization });
  return WordTokenizer.build(train, {
    normalization,
    unknownToken: true,
    minimumFrequency: text.minimumFrequency,
    ...(text.maximumVocabulary === null ? {} : { maximumSize: text.maximumVocabulary }),
  });
}

export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
