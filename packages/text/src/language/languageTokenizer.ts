import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { type NormalizationForm, normalizeText } from '../normalize.js';
import { detokenizer } from './detokenize.js';
import { hasTagForm } from './languageTag.js';
import { capitalizeSentences, Truecaser, type TruecaserJson } from './truecaser.js';
import { wordSplitter } from './wordSplitter.js';

/** What becomes of capitals: they stay, all become small, or those that only begin a sentence do. */
export const CASINGS = ['none', 'lower', 'true'] as const;
export type Casing = (typeof CASINGS)[number];

export interface LanguageTokenizerOptions {
  /** `none` unless told. With `true` the line that tokens make begins with a capital again. */
  casing?: Casing;
  /** The form of Unicode that lines are brought into; `NFC` unless told. */
  form?: NormalizationForm;
}

/** The file of a tokenizer of one language. */
export interface LanguageTokenizerJson {
  format: 'cadenza-language-tokenizer';
  version: 1;
  language: string;
  casing: Casing;
  form: NormalizationForm;
  truecaser?: TruecaserJson;
}

/**
 * Cuts lines of a language into words and marks, and writes words and marks as a line. Rules stand for en, de, fr, pt and
 * es; other languages share common ones. The tokens of a line hold all its characters but white space, which the line made
 * of them has where the language has it by custom.
 */
export class LanguageTokenizer {
  readonly casing: Casing;
  readonly form: NormalizationForm;
  private readonly split: (line: string) => string[];
  private readonly join: (tokens: readonly string[]) => string;

  /** @param truecaser needed with, and only with, the casing `true`; {@link train} makes one */
  constructor(
    readonly language: string,
    options: LanguageTokenizerOptions = {},
    private readonly truecaser?: Truecaser,
  ) {
    refuseUnknown('LanguageTokenizer', options, ['casing', 'form']);
    const { casing = 'none', form = 'NFC' } = options;
    if (!hasTagForm(language)) {
      throw new ConfigError(expected('language', 'a language tag such as en or pt-BR', language));
    }
    if (!CASINGS.includes(casing)) throw new ConfigError(expected('casing', `one of ${CASINGS.join(', ')}`, casing));
    if ((casing === 'true') !== (truecaser !== undefined)) {
      const needed = casing === 'true' ? 'there for casing true' : `absent for casing ${casing}`;
      throw new ConfigError(expected('truecaser', needed, truecaser));
    }
    normalizeText('', { form }); // refuses an unknown form
    this.casing = casing;
    this.form = form;
    this.split = wordSplitter(language);
    this.join = detokenizer(language);
  }

  /** A tokenizer that has learned from the lines what it needs: with casing `true`, how each word is mostly written. */
  static train(language: string, lines: Iterable<string>, options: LanguageTokenizerOptions = {}): LanguageTokenizer {
    if (options.casing !== 'true') return new LanguageTokenizer(language, options);
    const plain = new LanguageTokenizer(language, { form: options.form });
    const sentences = function* (): Generator<string[]> {
      for (const line of lines) yield plain.tokenize(line);
    };
    return new LanguageTokenizer(language, options, Truecaser.train(sentences()));
  }

  /** The words and marks of a line. */
  tokenize(line: string): string[] {
    const tokens = this.split(normalizeText(line, { form: this.form, lowerCase: this.casing === 'lower' }));
    return this.truecaser ? this.truecaser.apply(tokens) : tokens;
  }

  /** The line that words and marks make. */
  detokenize(tokens: readonly string[]): string {
    return this.join(this.casing === 'true' ? capitalizeSentences(tokens) : tokens);
  }

  toJSON(): LanguageTokenizerJson {
    const { language, casing, form, truecaser } = this;
    const learned = truecaser ? { truecaser: truecaser.toJSON() } : {};
    return { format: 'cadenza-language-tokenizer', version: 1, language, casing, form, ...learned };
  }

  static fromJSON(json: unknown): LanguageTokenizer {
    const file = json as Partial<LanguageTokenizerJson> | null;
    if (file?.format !== 'cadenza-language-tokenizer' || file.version !== 1) {
      const got = file?.format === undefined ? 'none of it' : `${file.format} version ${file.version}`;
      throw new InputError(`Expected a tokenizer of format cadenza-language-tokenizer version 1, got ${got}`);
    }
    const truecaser = file.truecaser === undefined ? undefined : Truecaser.fromJSON(file.truecaser);
    return new LanguageTokenizer(file.language as string, { casing: file.casing, form: file.form }, truecaser);
  }
}
