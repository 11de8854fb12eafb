import { ConfigError, expected, InputError, type Random, refuseUnknown } from '@cadenza/core';
import { sha256 } from '../sha256.js';
import { isolateGlossaries } from './glossaries.js';
import { countWords, learnMerges, type LearnOptions } from './learnMerges.js';
import { CONTINUATION, formatMerges, type Merge, parseMerge, parseMerges, wordsOf } from './merges.js';
import { MergeTable } from './mergeTable.js';
import { type KnownSubwords, partsOf, restrictToVocabulary } from './vocabularySplit.js';

export interface BytePairOptions {
  /** Words and parts of words that are never cut up, such as names and placeholders. */
  glossaries?: readonly string[];
}

export interface BytePairEncodeOptions {
  /** The probability with which each merge is passed over; 0 unless told. For training data only. */
  dropout?: number;
  /** Where dropout draws from; needed with it. */
  random?: Random;
  /** Subwords to keep to, continuation marks included: others are taken apart again. */
  vocabulary?: KnownSubwords;
}

/** The file of a byte-pair encoding. */
export interface BytePairJson {
  format: 'cadenza-bpe';
  version: 1;
  glossaries: string[];
  /** Two symbols with a space between them, the merge to apply first first. */
  merges: string[];
}

/**
 * Byte-pair encoding (Sennrich, Haddow and Birch 2016): words become subwords, common ones few, rare ones many, and a
 * character that was never seen stays itself, so that nothing is unknown before the vocabulary. Merges, their order and
 * the subwords are those of subword-nmt 0.3. For a joint encoding, train on the lines of both sides.
 *
 * `decode(encode(line))` is the line with single spaces, for every string. To make that hold, a word that itself ends in
 * `@@` has its last `@` as a subword of its own, where subword-nmt would lose the word's end.
 */
export class BytePairEncoding {
  readonly glossaries: readonly string[];
  private readonly table: MergeTable;
  private readonly parts: Map<string, Merge>;
  private readonly cache = new Map<string, string[]>();

  constructor(
    readonly merges: readonly Merge[],
    options: BytePairOptions = {},
  ) {
    refuseUnknown('BytePairEncoding', options, ['glossaries']);
    const { glossaries = [] } = options;
    if (glossaries.some((glossary) => glossary === '' || wordsOf(glossary)[0] !== glossary)) {
      throw new ConfigError(expected('glossaries', 'non-empty and without spaces', [...glossaries]));
    }
    this.glossaries = [...glossaries];
    this.table = new MergeTable(merges);
    this.parts = partsOf(merges);
  }

  /** Learns the encoding of some lines, or of words that are counted already. */
  static train(
    text: (Iterable<string> & object) | ReadonlyMap<string, number>,
    options: LearnOptions & BytePairOptions,
  ): BytePairEncoding {
    const { glossaries, ...learning } = options;
    refuseUnknown('BytePairEncoding.train', learning, ['merges', 'vocabularySize', 'minimumFrequency', 'glossaries']);
    const counts = text instanceof Map ? (text as ReadonlyMap<string, number>) : countWords(text as string[]);
    return new BytePairEncoding(learnMerges(counts, learning), { glossaries });
  }

  /** The subwords of a line; those within a word end in {@link CONTINUATION}. */
  encode(line: string, options: BytePairEncodeOptions = {}): string[] {
    refuseUnknown('encode', options, ['dropout', 'random', 'vocabulary']);
    const { dropout = 0, random } = options;
    if (!(dropout >= 0 && dropout <= 1)) throw new ConfigError(expected('dropout', 'a number from 0 to 1', dropout));
    if (dropout > 0 && !random) throw new ConfigError('Expected a random generator for dropout, got none');
    const subwords: string[] = [];
    for (const word of wordsOf(line)) for (const subword of this.encodeWord(word, options)) subwords.push(subword);
    return subwords;
  }

  /** The line of some subwords. */
  decode(subwords: Iterable<string>): string {
    let line = '';
    for (const subword of subwords) {
      line += subword.endsWith(CONTINUATION) ? subword.slice(0, -CONTINUATION.length) : `${subword} `;
    }
    return line.endsWith(' ') ? line.slice(0, -1) : line;
  }

  /** SHA-256 of all that decides which subwords a line gets. */
  get fingerprint(): string {
    return sha256(JSON.stringify(this.toJSON()));
  }

  toJSON(): BytePairJson {
    const merges = this.merges.map((merge) => merge.join(' '));
    return { format: 'cadenza-bpe', version: 1, glossaries: [...this.glossaries], merges };
  }

  static fromJSON(json: unknown): BytePairEncoding {
    const file = json as Partial<BytePairJson> | null;
    if (file?.format !== 'cadenza-bpe' || file.version !== 1 || !Array.isArray(file.merges)) {
      const got = file?.format === undefined ? 'none of it' : `${file.format} version ${file.version}`;
      throw new InputError(`Expected a byte-pair encoding of format cadenza-bpe version 1, got ${got}`);
    }
    const { glossaries = [] } = file;
    if (!Array.isArray(glossaries) || !glossaries.every((glossary) => typeof glossary === 'string')) {
      throw new InputError(expected('glossaries of the byte-pair encoding', 'a list of strings', glossaries));
    }
    const merges = file.merges.map((merge, rank) => parseMerge(merge, `merge ${rank}`));
    return new BytePairEncoding(merges, { glossaries });
  }

  /** The encoding of a codes file that subword-nmt 0.2 or later has written. */
  static fromCodes(text: string, name?: string, options: BytePairOptions = {}): BytePairEncoding {
    return new BytePairEncoding(parseMerges(text, name), options);
  }

  /** The codes file from which subword-nmt gives the same subwords. */
  toCodes(): string {
    return formatMerges(this.merges);
  }

  private encodeWord(word: string, { dropout = 0, random, vocabulary }: BytePairEncodeOptions): string[] {
    const cached = dropout === 0 && !vocabulary;
    const known = cached ? this.cache.get(word) : undefined;
    if (known) return known;
    const subwords = isolateGlossaries(word, this.glossaries).flatMap(({ text, glossary }) => {
      if (glossary) return [text];
      const split = this.table.split(text, dropout, random);
      return vocabulary ? restrictToVocabulary(split, vocabulary, this.parts) : split;
    });
    const marked = mark(subwords);
    if (cached) {
      if (this.cache.size >= CACHE_LIMIT) this.cache.clear();
      this.cache.set(word, marked);
    }
    return marked;
  }
}

/** How many words are remembered: more than most texts have, and some tens of megabytes at most. */
const CACHE_LIMIT = 200_000;

function mark(subwords: string[]): string[] {
  const last = subwords[subwords.length - 1];
  const ends = last.endsWith(CONTINUATION) ? [last.slice(0, -1), last.slice(-1)] : [last];
  return [...subwords.slice(0, -1), ...ends].map((subword, index, all) =>
    index < all.length - 1 ? subword + CONTINUATION : subword,
  );
}
