import { createHash } from 'node:crypto';
import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import type { CorpusFile } from '../corpus.js';
import { checkTextFile, readLines, readTextPieces } from './textFile.js';
import { readTmxPairs, type TmxLanguages } from './tmx.js';
import { readTsvPairs, type TsvColumns } from './tsv.js';

/** A sentence and its translation. */
export interface SentencePair {
  source: string;
  target: string;
}

/** Where pairs come from: two files of as many lines, or one file that holds both sides. */
export type ParallelSource =
  | {
      /** A file with a sentence a line. */
      source: string;
      /** The file whose line n translates line n of the other. */
      target: string;
    }
  | {
      /** A file of tab-separated values or a translation memory. */
      path: string;
      /** `tmx` where the content begins as XML does, else `tsv`, unless told. */
      format?: 'tsv' | 'tmx';
      /** For TSV: the columns, counted from 1; those of Tatoeba's layouts unless told. */
      columns?: TsvColumns;
      /** For TMX, which needs it: the two languages. */
      languages?: TmxLanguages;
    };

/** Aligned sentences, and where they came from. */
export interface ParallelCorpus {
  pairs: SentencePair[];
  /** Their paths, joined for people. */
  name: string;
  files: CorpusFile[];
  /** SHA-256 over every source and target line, each ended by `\n`, so that a run can tell whether its data changed. */
  fingerprint: string;
}

const twoSides = ['source', 'target'];
const ownFile = ['path', 'format', 'columns', 'languages'];

/**
 * Reads aligned sentences: two plain files, a TSV file or a TMX file, each of them as it is or compressed by gzip. Strict
 * UTF-8, with or without a byte order mark; lines end by `\n` or `\r\n`. Throws an {@link InputError} for bytes that are
 * not UTF-8 (file, byte and line), sides of unequal length (both counts), and a corpus without a pair.
 */
export async function readParallelCorpus(from: ParallelSource): Promise<ParallelCorpus> {
  refuseUnknown('readParallelCorpus', from, 'path' in from ? ownFile : twoSides);
  const paths = 'path' in from ? [from.path] : [from.source, from.target];
  if ('path' in from) checkPlaces(from);
  const files = await Promise.all(paths.map(describeFile));
  const name = paths.join(' and ');
  const pairs = 'path' in from ? await readOneFile(from) : await readAlignedLines(from.source, from.target);
  if (pairs.length === 0) {
    throw new InputError(`Expected sentence pairs in ${name}, got nothing: it is empty`, { code: 'EMPTY' });
  }
  return { pairs, name, files, fingerprint: fingerprintOf(pairs) };
}

/** SHA-256 of sentence pairs in their order, as {@link ParallelCorpus.fingerprint} has it. */
export function fingerprintOf(pairs: readonly SentencePair[]): string {
  const hash = createHash('sha256');
  for (const { source, target } of pairs) hash.update(`${source}\n${target}\n`, 'utf8');
  return hash.digest('hex');
}

async function describeFile(path: string): Promise<CorpusFile> {
  const info = await checkTextFile(path);
  if (info.isFIFO()) {
    throw new InputError(`Expected a file that can be read again at ${path}, found a pipe: write its text to a file`);
  }
  return { path, bytes: info.size };
}

/** Refuses what names neither a column nor a language of the two sides. */
function checkPlaces({ columns, languages }: Extract<ParallelSource, { path: string }>): void {
  if (columns) refuseUnknown('columns', columns, twoSides);
  if (languages) refuseUnknown('languages', languages, twoSides);
}

/** The lines of two files in pairs, none where both are empty; an {@link InputError} where one has more. Pipes may be read so too. */
export async function readAlignedLines(source: string, target: string): Promise<SentencePair[]> {
  const [sources, targets] = [await readAllLines(source), await readAllLines(target)];
  if (sources.length !== targets.length) {
    throw new InputError(
      `Expected as many lines in ${source} as in ${target}, got ${sources.length} and ${targets.length}`,
      { code: 'UNALIGNED' },
    );
  }
  return sources.map((line, index) => ({ source: line, target: targets[index] }));
}

/** All lines of a file, in memory. */
export async function readAllLines(path: string): Promise<string[]> {
  const all: string[] = [];
  for await (const lines of readLines(path)) for (const line of lines) all.push(line);
  return all;
}

async function readOneFile(from: Extract<ParallelSource, { path: string }>): Promise<SentencePair[]> {
  const { path, columns, languages } = from;
  const format = from.format ?? ((await looksLikeXml(path)) ? 'tmx' : 'tsv');
  if (format !== 'tsv' && format !== 'tmx') throw new ConfigError(expected('format', 'tsv or tmx', format));
  if (format === 'tmx' && !languages) {
    throw new ConfigError(`Expected the languages to take from the translation memory ${path}, got none`);
  }
  if (format === 'tmx' && columns) throw new ConfigError(`Expected no columns for the translation memory ${path}`);
  const all: SentencePair[] = [];
  const parts = format === 'tmx' ? readTmxPairs(path, languages!) : readTsvPairs(path, columns);
  for await (const pairs of parts) for (const pair of pairs) all.push(pair);
  return all;
}

async function looksLikeXml(path: string): Promise<boolean> {
  let start = '';
  for await (const piece of readTextPieces(path)) {
    start = (start + piece).trimStart();
    if (start.length >= LONGEST_START) break;
  }
  return /^<(\?xml\b|!DOCTYPE\b|!--|tmx\b)/i.test(start);
}

/** As much as tells XML from a line of text: what a word's end shows after `<!DOCTYPE`. */
const LONGEST_START = 16;
