import { ConfigError, expected, InputError, type Random } from '@cadenza/core';
import {
  BytePairEncoding,
  countTokens,
  CONTINUATION,
  EOS_ID,
  sha256,
  SubwordVocabulary,
  UNK_ID,
  type BytePairJson,
  type SentencePair,
  type SubwordVocabularyJson,
} from '@cadenza/text';
import type { Config } from './config.js';
import { lineFormFromJSON, trainLineForm, type LineForm, type LineFormJson } from './lineForm.js';

export type Side = 'source' | 'target';

/** The file of a codec, a run's `vocabulary.json`. */
export interface CodecJson {
  format: 'cadenza-translation-codec';
  version: 1;
  languages: Record<Side, string>;
  lines: Record<Side, LineFormJson>;
  subwords: BytePairJson;
  /** `target` is absent where both sides share one vocabulary. */
  vocabularies: { source: SubwordVocabularyJson; target?: SubwordVocabularyJson };
}

/** A line as a model reads it. */
export interface EncodedLine {
  /** With the end token. */
  ids: Int32Array;
  words: string[];
  /** The word that each id but the last belongs to. */
  wordOf: Int32Array;
}

/** Merges that are passed over at random, for training. */
export interface MergeDropout {
  rate: number;
  random: Random;
}

/** The words that ids stand for, and which of them each id belongs to. */
export interface DecodedIds {
  words: string[];
  wordOf: Int32Array;
}

/** How many words' subwords are remembered. */
const CACHE_LIMIT = 100_000;

/**
 * From lines of either language to token ids and back: words of a {@link LineForm}, subwords of a byte-pair encoding that both
 * languages share, ids of one vocabulary or of one for each side. Subwords outside of the vocabulary are taken apart.
 */
export class SentenceCodec {
  readonly languages: Record<Side, string>;
  private readonly forms: Record<Side, LineForm>;
  private readonly subwords: BytePairEncoding;
  private readonly vocabularies: Record<Side, SubwordVocabulary>;
  private readonly caches: Record<Side, Map<string, Int32Array>> = { source: new Map(), target: new Map() };
  private hash?: string;

  constructor(parts: {
    languages: Record<Side, string>;
    forms: Record<Side, LineForm>;
    subwords: BytePairEncoding;
    vocabularies: Record<Side, SubwordVocabulary>;
  }) {
    this.languages = parts.languages;
    this.forms = parts.forms;
    this.subwords = parts.subwords;
    this.vocabularies = parts.vocabularies;
  }

  /** Learns everything from the training pairs. */
  static train(
    pairs: readonly SentencePair[],
    config: Config,
    languages: Record<Side, string>,
    random: Random,
  ): SentenceCodec {
    const form = (side: Side): LineForm =>
      trainLineForm(config, languages[side], () => pairs.map((pair) => pair[side]));
    const forms = { source: form('source'), target: form('target') };
    const words = {
      source: pairs.map((pair) => forms.source.words(pair.source)),
      target: pairs.map((pair) => forms.target.words(pair.target)),
    };
    const counts = countTokens(chain(words.source, words.target));
    if (counts.size === 0) throw new InputError('Expected words to learn from in the training pairs, got none');
    const subwords = BytePairEncoding.train(counts, { merges: config.text.merges });
    const vocabulary = (lines: Iterable<readonly string[]>, label: string): SubwordVocabulary =>
      buildVocabulary(countTokens(lines), subwords, config, random.fork(label));
    const shared = config.text.vocabulary === 'shared';
    const source = vocabulary(shared ? chain(words.source, words.target) : words.source, 'source');
    const target = shared ? source : vocabulary(words.target, 'target');
    return new SentenceCodec({ languages, forms, subwords, vocabularies: { source, target } });
  }

  get source(): SubwordVocabulary {
    return this.vocabularies.source;
  }

  get target(): SubwordVocabulary {
    return this.vocabularies.target;
  }

  get merges(): number {
    return this.subwords.merges.length;
  }

  /** The words of a line as they are encoded. */
  words(line: string, side: Side): string[] {
    return this.forms[side].words(line);
  }

  encode(line: string, side: Side, dropout?: MergeDropout): EncodedLine {
    const words = this.words(line, side);
    return { words, ...this.encodeWords(words, side, dropout) };
  }

  /** The ids of words, the end token last, and the word that each belongs to. */
  encodeWords(words: readonly string[], side: Side, dropout?: MergeDropout): Pick<EncodedLine, 'ids' | 'wordOf'> {
    const ids: number[] = [];
    const wordOf: number[] = [];
    words.forEach((word, index) => {
      for (const id of this.encodeWord(word, side, dropout)) {
        ids.push(id);
        wordOf.push(index);
      }
    });
    ids.push(EOS_ID);
    return { ids: Int32Array.from(ids), wordOf: Int32Array.from(wordOf) };
  }

  private encodeWord(word: string, side: Side, dropout?: MergeDropout): Int32Array {
    const vocabulary = this.vocabularies[side];
    if (dropout !== undefined && dropout.rate > 0) {
      const options = { dropout: dropout.rate, random: dropout.random, vocabulary };
      return vocabulary.encode(this.subwords.encode(word, options));
    }
    const cache = this.caches[side];
    let ids = cache.get(word);
    if (ids === undefined) {
      ids = vocabulary.encode(this.subwords.encode(word, { vocabulary }));
      if (cache.size >= CACHE_LIMIT) cache.clear();
      cache.set(word, ids);
    }
    return ids;
  }

  /**
   * The words of target ids, without an end token. Subwords are merged; `replace` says what stands for the unknown token at a place.
   */
  decodeIds(ids: readonly number[], replace: (place: number) => string = () => '<unk>'): DecodedIds {
    const words: string[] = [];
    const wordOf = new Int32Array(ids.length);
    let open = false;
    ids.forEach((id, place) => {
      const token = id === UNK_ID ? replace(place) : this.target.token(id);
      const goesOn = id !== UNK_ID && token.endsWith(CONTINUATION);
      const text = goesOn ? token.slice(0, -CONTINUATION.length) : token;
      if (open) words[words.length - 1] += text;
      else words.push(text);
      wordOf[place] = words.length - 1;
      open = goesOn;
    });
    return { words, wordOf };
  }

  /** The line that target words make. */
  line(words: readonly string[]): string {
    return this.forms.target.line(words);
  }

  /** SHA-256 of the codec's file: equal where two codecs give every line the same ids. */
  get fingerprint(): string {
    return (this.hash ??= sha256(JSON.stringify(this.toJSON())));
  }

  toJSON(): CodecJson {
    const { source, target } = this.vocabularies;
    return {
      format: 'cadenza-translation-codec',
      version: 1,
      languages: this.languages,
      lines: { source: this.forms.source.toJSON(), target: this.forms.target.toJSON() },
      subwords: this.subwords.toJSON(),
      vocabularies: { source: source.toJSON(), ...(target === source ? {} : { target: target.toJSON() }) },
    };
  }

  static fromJSON(json: unknown): SentenceCodec {
    const file = json as Partial<CodecJson> | null;
    if (file?.format !== 'cadenza-translation-codec' || file.version !== 1) {
      const got = file?.format === undefined ? 'none of it' : `${file.format} version ${file.version}`;
      throw new InputError(`Expected a file of format cadenza-translation-codec version 1, got ${got}`);
    }
    const { languages, lines, subwords, vocabularies } = file as CodecJson;
    const source = SubwordVocabulary.fromJSON(vocabularies?.source);
    const target = vocabularies.target === undefined ? source : SubwordVocabulary.fromJSON(vocabularies.target);
    return new SentenceCodec({
      languages,
      forms: { source: lineFormFromJSON(lines?.source), target: lineFormFromJSON(lines?.target) },
      subwords: BytePairEncoding.fromJSON(subwords),
      vocabularies: { source, target },
    });
  }
}

/**
 * The subwords of counted words. Where merges are dropped in training, also those that dropping leaves: single characters, and
 * what a few random draws give.
 */
function buildVocabulary(
  words: ReadonlyMap<string, number>,
  subwords: BytePairEncoding,
  { text }: Config,
  random: Random,
): SubwordVocabulary {
  const counts = new Map<string, number>();
  const add = (dropout: number, weight: (count: number) => number): void => {
    for (const [word, count] of words) {
      for (const token of subwords.encode(word, dropout > 0 ? { dropout, random } : {})) {
        counts.set(token, (counts.get(token) ?? 0) + weight(count));
      }
    }
  };
  add(0, (count) => count);
  if (text.mergeDropout > 0) {
    add(text.mergeDropout, (count) => count);
    add(1, (count) => count);
  }
  const most = [...counts.values()].reduce((best, count) => Math.max(best, count), 0);
  if (text.minimumFrequency > most) {
    const wanted = `at most ${most}, how often the most frequent subword occurs`;
    throw new ConfigError(expected('text.minimumFrequency', wanted, text.minimumFrequency));
  }
  return SubwordVocabulary.build(counts, { minimumFrequency: text.minimumFrequency });
}

function* chain<T>(...lists: readonly (readonly T[])[]): Generator<T> {
  for (const list of lists) yield* list;
}
