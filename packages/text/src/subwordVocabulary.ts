import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { sha256 } from './sha256.js';
import { compareCodePoints } from './vocabulary.js';

/** The tokens with a meaning of their own, each with the id that is its place here. */
export const SPECIAL_TOKENS = ['<pad>', '<bos>', '<eos>', '<unk>'] as const;
/** What fills a row up to the length of the longest. */
export const PAD_ID = 0;
/** What a decoder reads first. */
export const BOS_ID = 1;
/** What ends a sentence. */
export const EOS_ID = 2;
/** What stands for every token that is not in the vocabulary. */
export const UNK_ID = 3;

export interface SubwordVocabularyOptions {
  /** Leaves out what occurs less often; 1 unless told. */
  minimumFrequency?: number;
  /** Keeps only the most frequent, the four special tokens included; no limit unless told. */
  maximumSize?: number;
}

export interface SequenceOptions {
  /** Puts `<bos>` before the tokens; false unless told. */
  bos?: boolean;
  /** Puts `<eos>` after the tokens; false unless told. */
  eos?: boolean;
}

/** The file of a vocabulary of subwords. */
export interface SubwordVocabularyJson {
  format: 'cadenza-subwords';
  version: 1;
  /** Without the special tokens: the first has id 4. */
  tokens: string[];
  /** How often each occurred in the text the vocabulary was made from. */
  counts: number[];
}

/** How often each token occurs in some sentences. */
export function countTokens(sentences: Iterable<readonly string[]>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const tokens of sentences) for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
  return counts;
}

/**
 * The subwords a sequence model knows: `<pad>` 0, `<bos>` 1, `<eos>` 2, `<unk>` 3, and after them the most frequent first.
 * Made from the counts of one side it is that side's, made from both it is joint, so that one embedding can serve both.
 */
export class SubwordVocabulary {
  /** By id. */
  readonly tokens: readonly string[];
  /** How often the token of each id occurred in the text the vocabulary was made from; 0 for the special ones. */
  readonly counts: readonly number[];
  private readonly ids = new Map<string, number>();
  private hash?: string;

  /** @param entries distinct tokens with their counts, the first of which gets id 4 */
  constructor(entries: Iterable<readonly [token: string, count: number]>) {
    const list = [...entries];
    if (list.length === 0) throw new InputError('Expected a vocabulary of at least one subword, got none');
    this.tokens = [...SPECIAL_TOKENS, ...list.map(([token]) => token)];
    this.counts = [...SPECIAL_TOKENS.map(() => 0), ...list.map(([, count]) => count)];
    // A text that happens to hold "<eos>" must not reach the special token's id.
    for (let id = SPECIAL_TOKENS.length; id < this.tokens.length; id++) {
      if (this.ids.has(this.tokens[id])) {
        throw new InputError(expected('tokens', 'distinct', this.tokens[id]), { code: 'DUPLICATE' });
      }
      this.ids.set(this.tokens[id], id);
    }
  }

  /** The vocabulary of counted tokens, such as those of {@link countTokens}. */
  static build(counts: ReadonlyMap<string, number>, options: SubwordVocabularyOptions = {}): SubwordVocabulary {
    refuseUnknown('SubwordVocabulary.build', options, ['minimumFrequency', 'maximumSize']);
    const { minimumFrequency = 1, maximumSize = Infinity } = options;
    if (!Number.isInteger(minimumFrequency) || minimumFrequency < 1) {
      throw new ConfigError(expected('minimumFrequency', 'a positive integer', minimumFrequency));
    }
    if (maximumSize !== Infinity && !(Number.isInteger(maximumSize) && maximumSize > SPECIAL_TOKENS.length)) {
      throw new ConfigError(expected('maximumSize', `an integer above ${SPECIAL_TOKENS.length}`, maximumSize));
    }
    const entries = [...counts]
      .filter(([, count]) => count >= minimumFrequency)
      .sort(([a, countA], [b, countB]) => countB - countA || compareCodePoints(a, b));
    return new SubwordVocabulary(entries.slice(0, maximumSize - SPECIAL_TOKENS.length));
  }

  /** How many tokens there are, the special ones included. */
  get size(): number {
    return this.tokens.length;
  }

  /** Whether the text's token has an id of its own. */
  has(token: string): boolean {
    return this.ids.has(token);
  }

  /** The id of a token, {@link UNK_ID} where it is unknown. */
  id(token: string): number {
    return this.ids.get(token) ?? UNK_ID;
  }

  /** The token of an id. */
  token(id: number): string {
    const token = this.tokens[id];
    if (token === undefined) {
      throw new InputError(expected('token id', `an integer from 0 to ${this.size - 1}`, id), { code: 'TOKEN' });
    }
    return token;
  }

  /** The ids of a sentence. */
  encode(tokens: readonly string[], options: SequenceOptions = {}): Int32Array {
    refuseUnknown('encode', options, ['bos', 'eos']);
    const { bos = false, eos = false } = options;
    const start = bos ? 1 : 0;
    const ids = new Int32Array(start + tokens.length + (eos ? 1 : 0));
    if (bos) ids[0] = BOS_ID;
    tokens.forEach((token, index) => (ids[start + index] = this.id(token)));
    if (eos) ids[ids.length - 1] = EOS_ID;
    return ids;
  }

  /** The tokens of a sentence up to its first `<eos>`, without `<pad>` and `<bos>`; `<unk>` stays for others to replace. */
  decode(ids: Iterable<number>): string[] {
    const tokens: string[] = [];
    for (const id of ids) {
      if (id === EOS_ID) break;
      if (id !== PAD_ID && id !== BOS_ID) tokens.push(this.token(id));
    }
    return tokens;
  }

  /** The tokens that occurred at least so often, as the option `vocabulary` of byte-pair encoding takes them. */
  frequent(minimumFrequency: number): Set<string> {
    const first = SPECIAL_TOKENS.length;
    return new Set(this.tokens.slice(first).filter((_, index) => this.counts[first + index] >= minimumFrequency));
  }

  /** SHA-256 over the tokens and their order: equal exactly where two vocabularies give every sentence the same ids. */
  get fingerprint(): string {
    return (this.hash ??= sha256(JSON.stringify(this.tokens)));
  }

  toJSON(): SubwordVocabularyJson {
    const first = SPECIAL_TOKENS.length;
    const [tokens, counts] = [this.tokens.slice(first), this.counts.slice(first)];
    return { format: 'cadenza-subwords', version: 1, tokens, counts };
  }

  static fromJSON(json: unknown): SubwordVocabulary {
    const file = json as Partial<SubwordVocabularyJson> | null;
    if (file?.format !== 'cadenza-subwords' || file.version !== 1) {
      const got = file?.format === undefined ? 'none of it' : `${file.format} version ${file.version}`;
      throw new InputError(`Expected a vocabulary of format cadenza-subwords version 1, got ${got}`);
    }
    const { tokens, counts } = file;
    if (!Array.isArray(tokens) || !tokens.every((token) => typeof token === 'string')) {
      throw new InputError(expected('tokens of the vocabulary', 'a list of strings', tokens ?? null));
    }
    if (!Array.isArray(counts) || counts.length !== tokens.length || !counts.every(Number.isInteger)) {
      throw new InputError(`Expected counts of the vocabulary to be ${tokens.length} integers`);
    }
    return new SubwordVocabulary(tokens.map((token, index) => [token, counts[index]]));
  }
}
