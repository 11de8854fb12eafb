import { resolve } from 'node:path';
import { findDataPath } from '@cadenza/cli';
import { InputError } from '@cadenza/core';
import { CharacterTokenizer, normalizeText, readCorpus, splitText, WordTokenizer, type Tokenizer } from '@cadenza/text';
import { createHash } from 'node:crypto';
import type { Config } from './config.js';
import { dataSets } from './dataSets.js';
import { embeddedName, embeddedText } from './embeddedText.js';

/** Where a run's text came from, and how it is known to be the same text again; part of `config.json`. */
export interface DataDescription {
  /** An absolute path, `-` for standard input, or the embedded text's name. */
  source: string;
  fingerprint: string;
  /** Code points of the whole text. */
  characters: number;
  /** The text of `--validation-data`, or null where the validation part is the end of the text itself. */
  validation: { source: string; fingerprint: string; characters: number } | null;
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
  description: DataDescription;
}

/** A text as read, normalised as the configuration says. */
interface SourceText {
  source: string;
  text: string;
  fingerprint: string;
  characters: number;
}

/** Reads a file, a folder, standard input (`-`), a fetched data set by name, or the embedded text where no path is given. */
export async function readText(path: string | undefined, { text: options }: Config): Promise<SourceText> {
  const normalization = { form: options.normalization, lowerCase: options.lowerCase };
  if (path === undefined || path === embeddedName) {
    const raw = embeddedText({ characters: options.embeddedCharacters });
    const text = normalizeText(raw, normalization);
    const fingerprint = createHash('sha256').update(raw).digest('hex');
    return { source: embeddedName, text, fingerprint, characters: countCharacters(text) };
  }
  const found = findDataPath(path, dataSets);
  const corpus = await readCorpus(found);
  const text = normalizeText(corpus.text, normalization);
  const source = found === '-' ? '-' : resolve(found);
  return { source, text, fingerprint: corpus.fingerprint, characters: countCharacters(text) };
}

/** Reads the text and splits it: the end is for validation, unless a text of its own is. */
export async function readCorpora(
  config: Config,
  { data, validationData }: { data?: string; validationData?: string },
): Promise<SplitCorpus> {
  const { text, ...whole } = await readText(data, config);
  if (validationData === undefined) {
    const { train, validation } = splitText(text, { validation: config.text.validationFraction });
    return { train, validation, description: { ...whole, validation: null } };
  }
  const { text: validation, ...described } = await readText(validationData, config);
  return { train: text, validation, description: { ...whole, validation: described } };
}

/** A run's source, if it can be read again: what came from standard input cannot. */
export function rereadable(source: string | undefined): string | undefined {
  if (source !== '-') return source;
  throw new InputError(
    'Expected the text of the run, got none: it came from standard input, which is not kept; pipe it in again with --data -, or name it with --data',
  );
}

/**
 * Reads the texts of a run again, split as they were for training. Where they are gone or changed, the error ends with
 * what to do then.
 */
export async function readOwnCorpora(
  { config, description: { data: own } }: { config: Config; description: { data: DataDescription } },
  remedy = 'name a text with --data',
): Promise<SplitCorpus> {
  const corpora = await readCorpora(config, {
    data: rereadable(own.source),
    validationData: rereadable(own.validation?.source),
  });
  const { description } = corpora;
  const pairs = [
    [own, description],
    [own.validation, description.validation],
  ] as const;
  for (const [then, now] of pairs) {
    if (then === null || then.fingerprint === now?.fingerprint) continue;
    throw new InputError(`Expected ${then.source} to be the text the run was trained on, got a changed one; ${remedy}`);
  }
  return corpora;
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
  return { tokenizer, train, validation, description: corpus.description };
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
