import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { normalizeText, type Normalization } from './normalize.js';
import { splitCharacters, splitGraphemes, splitWords } from './segment.js';
import { sha256 } from './sha256.js';
import { Vocabulary, vocabularyOptionNames, type VocabularyJson, type VocabularyOptions } from './vocabulary.js';

/** What to do with a token the vocabulary does not hold: refuse, leave it out, or write `<unk>`. */
export const UNKNOWN_POLICIES = ['error', 'skip', 'unk'] as const;
export type UnknownPolicy = (typeof UNKNOWN_POLICIES)[number];

export const TOKENIZER_KINDS = ['character', 'grapheme', 'word'] as const;
export type TokenizerKind = (typeof TOKENIZER_KINDS)[number];

export interface EncodeOptions {
  /** `error` unless told. */
  unknown?: UnknownPolicy;
  /** What the text is, for the error: "the prompt". */
  name?: string;
  /** How the error names a policy that would go on; `{ unknown: 'skip' }` unless told. */
  nameOfPolicy?: (policy: UnknownPolicy) => string;
}

const encodeOptionNames = ['unknown', 'name', 'nameOfPolicy'];

/** Turns text into ids and back. */
export interface Tokenizer {
  readonly kind: TokenizerKind;
  readonly vocabulary: Vocabulary;
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** How many characters (code points) of the normalised text each id stands for that `encode` gives with these options, unknown ones too. */
  characterCounts(text: string, options?: EncodeOptions): Int32Array;
  decode(ids: Iterable<number>): string;
  /** SHA-256 of all that decides which ids a text gets. */
  readonly fingerprint: string;
  toJSON(): TokenizerJson;
}

/** The file `vocabulary.json` of a run folder. */
export interface TokenizerJson {
  format: 'cadenza-tokenizer';
  version: 1;
  kind: TokenizerKind;
  normalization: Normalization;
  vocabulary: VocabularyJson;
}

export interface TokenizerOptions extends VocabularyOptions {
  /** Applied to every text before it is split, in training and in use alike; none unless told. */
  normalization?: Normalization;
}

/** Refuses options that a tokenizer does not know; gives those of its vocabulary. */
function vocabularyOptions(
  owner: string,
  { normalization: _, ...options }: TokenizerOptions,
  own: readonly string[] = [],
): VocabularyOptions {
  refuseUnknown(owner, options, [...vocabularyOptionNames, 'normalization', ...own]);
  const given = Object.entries(options).filter(([name]) => !own.includes(name));
  return Object.fromEntries(given);
}

/** What all tokenizers that look up pieces of the text in a list share: they differ in how they split. */
abstract class LookupTokenizer implements Tokenizer {
  abstract readonly kind: TokenizerKind;

  constructor(
    readonly vocabulary: Vocabulary,
    readonly normalization: Normalization = { form: 'none' },
  ) {
    normalizeText('', normalization); // refuses an unknown form
  }

  /** The pieces of a normalised text; joined they are that text. */
  abstract split(text: string): string[];

  /** What a reader sees for a token that the model does not know. */
  protected abstract readonly unknownText: string;

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    refuseUnknown('encode', options, encodeOptionNames);
    const { unknown = 'error' } = options;
    checkPolicy(unknown, this.vocabulary, options);
    const pieces = this.split(normalizeText(text, this.normalization));
    const ids = new Int32Array(pieces.length);
    let count = 0;
    for (const piece of pieces) {
      const id = this.vocabulary.id(piece);
      if (id >= 0) ids[count++] = id;
      else if (unknown === 'unk') ids[count++] = this.vocabulary.unknownId;
      else if (unknown === 'error') throw unknownError(pieces, this.vocabulary, this.kind, options);
    }
    return count === ids.length ? ids : ids.slice(0, count);
  }

  characterCounts(text: string, options: EncodeOptions = {}): Int32Array {
    refuseUnknown('characterCounts', options, encodeOptionNames);
    const { unknown = 'error' } = options;
    const pieces = this.split(normalizeText(text, this.normalization));
    const kept = unknown === 'skip' ? pieces.filter((piece) => this.vocabulary.id(piece) >= 0) : pieces;
    return Int32Array.from(kept, (piece) => splitCharacters(piece).length);
  }

  decode(ids: Iterable<number>): string {
    let text = '';
    for (const id of ids) text += id === this.vocabulary.unknownId ? this.unknownText : this.vocabulary.token(id);
    return text;
  }

  get fingerprint(): string {
    return sha256(JSON.stringify(this.toJSON()));
  }

  toJSON(): TokenizerJson {
    const { form = 'NFC', lowerCase = false } = this.normalization;
    return {
      format: 'cadenza-tokenizer',
      version: 1,
      kind: this.kind,
      normalization: { form, lowerCase },
      vocabulary: this.vocabulary.toJSON(),
    };
  }
}

export interface CharacterTokenizerOptions extends TokenizerOptions {
  /** `codePoint` (unless told), or `grapheme`: what a reader calls one character (UAX #29). */
  unit?: 'codePoint' | 'grapheme';
}

/** A token is a character. Decoding what was encoded gives the normalised text back, exactly. */
export class CharacterTokenizer extends LookupTokenizer {
  readonly kind: 'character' | 'grapheme';
  protected readonly unknownText = '\uFFFD';

  constructor(vocabulary: Vocabulary, { unit = 'codePoint', normalization }: CharacterTokenizerOptions = {}) {
    super(vocabulary, normalization);
    checkUnit(unit);
    this.kind = unit === 'grapheme' ? 'grapheme' : 'character';
  }

  /** A tokenizer for the characters of a text, by default in the order of their code points. */
  static build(text: string, options: CharacterTokenizerOptions = {}): CharacterTokenizer {
    const forVocabulary = vocabularyOptions('CharacterTokenizer.build', options, ['unit']);
    checkUnit(options.unit);
    const split = options.unit === 'grapheme' ? splitGraphemes : splitCharacters;
    const pieces = split(normalizeText(text, options.normalization ?? { form: 'none' }));
    return new CharacterTokenizer(Vocabulary.build(pieces, forVocabulary), options);
  }

  split(text: string): string[] {
    return this.kind === 'grapheme' ? splitGraphemes(text) : splitCharacters(text);
  }
}

/** A token is a word with the space before it, a mark, or a line end; see {@link splitWords}. Nothing is lost. */
export class WordTokenizer extends LookupTokenizer {
  readonly kind = 'word';
  protected readonly unknownText = ' <unk>';

  constructor(vocabulary: Vocabulary, { normalization }: TokenizerOptions = {}) {
    super(vocabulary, normalization);
  }

  /** A tokenizer for the words of a text, by default the most frequent first and 20,000 of them at most. */
  static build(text: string, options: TokenizerOptions = {}): WordTokenizer {
    const {
      order = 'frequency',
      maximumSize = 20_000,
      ...forVocabulary
    } = vocabularyOptions('WordTokenizer.build', options);
    const pieces = splitWords(normalizeText(text, options.normalization ?? { form: 'none' }));
    return new WordTokenizer(Vocabulary.build(pieces, { ...forVocabulary, order, maximumSize }), options);
  }

  split(text: string): string[] {
    return splitWords(text);
  }
}

/** The tokenizer that a `vocabulary.json` describes. */
export function tokenizerFromJSON(json: unknown): Tokenizer {
  const file = json as Partial<TokenizerJson> | null;
  if (file?.format !== 'cadenza-tokenizer' || file.version !== 1) {
    const got = file?.format === undefined ? 'none of it' : `${file.format} version ${file.version}`;
    throw new InputError(`Expected a tokenizer file of format cadenza-tokenizer version 1, got ${got}`);
  }
  const vocabulary = Vocabulary.fromJSON(file.vocabulary as VocabularyJson);
  const normalization = file.normalization ?? { form: 'none' };
  if (file.kind === 'word') return new WordTokenizer(vocabulary, { normalization });
  if (file.kind === 'character') return new CharacterTokenizer(vocabulary, { normalization });
  if (file.kind === 'grapheme') return new CharacterTokenizer(vocabulary, { normalization, unit: 'grapheme' });
  throw new InputError(expected('tokenizer kind', `one of ${TOKENIZER_KINDS.join(', ')}`, file.kind));
}

function checkUnit(unit: CharacterTokenizerOptions['unit']): void {
  if (unit !== undefined && unit !== 'codePoint' && unit !== 'grapheme') {
    throw new ConfigError(expected('unit', 'codePoint or grapheme', unit));
  }
}

const policyOption = (policy: UnknownPolicy): string => `{ unknown: '${policy}' }`;

function checkPolicy(
  unknown: UnknownPolicy,
  vocabulary: Vocabulary,
  { nameOfPolicy = policyOption }: EncodeOptions,
): void {
  if (!UNKNOWN_POLICIES.includes(unknown)) {
    throw new ConfigError(expected('unknown', `one of ${UNKNOWN_POLICIES.join(', ')}`, unknown));
  }
  if (unknown === 'unk' && vocabulary.unknownId < 0) {
    throw new ConfigError(
      `Expected a vocabulary with <unk> for ${nameOfPolicy('unk')}, got one without; use ${nameOfPolicy('skip')}`,
    );
  }
}

const LISTED = 10;

function unknownError(
  pieces: string[],
  vocabulary: Vocabulary,
  kind: TokenizerKind,
  { name = 'the text', nameOfPolicy = policyOption }: EncodeOptions,
): InputError {
  const unknown = [...new Set(pieces.filter((piece) => vocabulary.id(piece) < 0))];
  const listed = unknown.slice(0, LISTED).map((piece) => (kind === 'word' ? JSON.stringify(piece) : describe(piece)));
  if (unknown.length > LISTED) listed.push(`${unknown.length - LISTED} more`);
  const what = kind === 'word' ? 'words' : 'characters';
  const policies: UnknownPolicy[] = vocabulary.unknownId < 0 ? ['skip'] : ['skip', 'unk'];
  return new InputError(
    `Expected only ${what} of the vocabulary in ${name}, got ${listed.join(', ')}, which the model has never seen; ` +
      `use ${policies.map(nameOfPolicy).join(' or ')} to go on without`,
    { code: 'UNKNOWN_TOKEN' },
  );
}

/** A character for people: 'é' U+00E9; what would not show, or would move the cursor, by its code points only. */
function describe(character: string): string {
  const points = Array.from(
    character,
    (point) => `U+${point.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`,
  );
  return /^[\p{L}\p{N}\p{P}\p{S}][\p{M}]*$/u.test(character) ? `'${character}' ${points.join(' ')}` : points.join(' ');
}
