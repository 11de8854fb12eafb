import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { sha256 } from './sha256.js';

/** The token that stands for all that the vocabulary does not hold; always id 0 where there is one. */
export const UNKNOWN_TOKEN = '<unk>';

export interface VocabularyOptions {
  /** Leaves out what occurs less often; 1 unless told. */
  minimumFrequency?: number;
  /** Keeps only the most frequent, `<unk>` included; no limit unless told. */
  maximumSize?: number;
  /** Adds `<unk>`; unless told, where the other two options may leave something out. */
  unknownToken?: boolean;
  /** `codePoint` (unless told) suits characters, `frequency` (the most frequent first) suits words. */
  order?: 'codePoint' | 'frequency';
}

export const vocabularyOptionNames: readonly (keyof VocabularyOptions)[] = [
  ...(['minimumFrequency', 'maximumSize', 'unknownToken', 'order'] as const),
];

export interface VocabularyJson {
  tokens: string[];
  unknownToken: boolean;
}

/** The tokens a model knows, each with its id: the place in the list. */
export class Vocabulary {
  readonly tokens: readonly string[];
  /** The id of `<unk>`, or -1 where unknown tokens have none. */
  readonly unknownId: number;
  private readonly ids = new Map<string, number>();
  private hash?: string;

  /** @param tokens distinct tokens; with `unknownToken` the first of them is `<unk>` */
  constructor(tokens: readonly string[], unknownToken = false) {
    if (tokens.length === 0) throw new InputError('Expected a vocabulary of at least one token, got none');
    if (unknownToken && tokens[0] !== UNKNOWN_TOKEN) {
      throw new InputError(expected('the first token', `${UNKNOWN_TOKEN}`, tokens[0]));
    }
    this.tokens = [...tokens];
    this.unknownId = unknownToken ? 0 : -1;
    // A text that happens to hold "<unk>" must not reach the unknown token's id.
    for (let id = unknownToken ? 1 : 0; id < tokens.length; id++) {
      if (this.ids.has(tokens[id]))
        throw new InputError(expected('tokens', 'distinct', tokens[id]), { code: 'DUPLICATE' });
      this.ids.set(tokens[id], id);
    }
  }

  /** The vocabulary of a tokenized text. The order of the text does not matter, only how often each token occurs. */
  static build(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    refuseUnknown('Vocabulary.build', options, vocabularyOptionNames);
    const { minimumFrequency = 1, maximumSize = Infinity, order = 'codePoint' } = options;
    if (!Number.isInteger(minimumFrequency) || minimumFrequency < 1) {
      throw new ConfigError(expected('minimumFrequency', 'a positive integer', minimumFrequency));
    }
    if (maximumSize !== Infinity && (!Number.isInteger(maximumSize) || maximumSize < 2)) {
      throw new ConfigError(expected('maximumSize', 'an integer of at least 2', maximumSize));
    }
    const unknownToken = options.unknownToken ?? (minimumFrequency > 1 || maximumSize !== Infinity);
    const counts = new Map<string, number>();
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    const frequent = [...counts.keys()]
      .filter((token) => counts.get(token)! >= minimumFrequency)
      .sort((a, b) => counts.get(b)! - counts.get(a)! || compareCodePoints(a, b))
      .slice(0, maximumSize === Infinity ? undefined : maximumSize - (unknownToken ? 1 : 0));
    if (order === 'codePoint') frequent.sort(compareCodePoints);
    return new Vocabulary(unknownToken ? [UNKNOWN_TOKEN, ...frequent] : frequent, unknownToken);
  }

  /** How many tokens there are, `<unk>` included. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token, or -1 where it is unknown. */
  id(token: string): number {
    return this.ids.get(token) ?? -1;
  }

  /** The token of an id. */
  token(id: number): string {
    const token = this.tokens[id];
    if (token === undefined) {
      throw new InputError(expected('token id', `an integer from 0 to ${this.size - 1}`, id), { code: 'TOKEN' });
    }
    return token;
  }

  /** SHA-256 over the tokens and their order: equal exactly where two vocabularies give every text the same ids. */
  get fingerprint(): string {
    return (this.hash ??= sha256(JSON.stringify(this.toJSON())));
  }

  toJSON(): VocabularyJson {
    return { tokens: [...this.tokens], unknownToken: this.unknownId === 0 };
  }

  static fromJSON(json: VocabularyJson): Vocabulary {
    if (!Array.isArray(json?.tokens) || !json.tokens.every((token) => typeof token === 'string')) {
      throw new InputError(expected('tokens of the vocabulary', 'a list of strings', json?.tokens ?? null));
    }
    return new Vocabulary(json.tokens, json.unknownToken === true);
  }
}

/** By code points, where JavaScript's own order by code units puts U+FF5E after U+1F600. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let index = 0;
  while (index < length && a.charCodeAt(index) === b.charCodeAt(index)) index++;
  if (index === length) return a.length - b.length;
  // The first difference may be within a surrogate pair of one or of both: then the whole code points are compared.
  const before = index > 0 ? a.charCodeAt(index - 1) : 0;
  const afterHalf = before >= 0xd800 && before <= 0xdbff;
  if (afterHalf && (isLowSurrogate(a.charCodeAt(index)) || isLowSurrogate(b.charCodeAt(index)))) index--;
  return a.codePointAt(index)! - b.codePointAt(index)!;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
