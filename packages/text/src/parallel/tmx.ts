import { ConfigError, expected, InputError } from '@cadenza/core';
import { SaxesParser, type SaxesTagPlain } from 'saxes';
import { hasTagForm } from '../language/languageTag.js';
import type { SentencePair } from './parallelCorpus.js';
import { readTextPieces } from './textFile.js';

/** The two languages to take from a translation memory, by BCP 47 tag or a beginning of it: `en` takes `en-GB` too. */
export interface TmxLanguages {
  source: string;
  target: string;
}

/**
 * The sentence pairs of a translation memory (TMX 1.4b): of every unit `<tu>` that holds both languages, the first
 * variant `<tuv>` of each. Text within inline marks that carry a document's own codes (`<bpt>`, `<ept>`, `<ph>`, `<it>`,
 * `<ut>`) is left out, that of `<hi>` is kept, and white space becomes single spaces. The file is read as a stream.
 */
export async function* readTmxPairs(path: string, languages: TmxLanguages): AsyncGenerator<SentencePair[]> {
  checkLanguages(languages);
  const reader = new TmxReader(path, languages);
  for await (const piece of readTextPieces(path)) {
    reader.write(piece);
    const pairs = reader.take();
    if (pairs.length > 0) yield pairs;
  }
  reader.close();
}

const CODES = new Set(['bpt', 'ept', 'ph', 'it', 'ut']);

/** Follows the events of the parser from unit to variant to segment. */
class TmxReader {
  private readonly parser = new SaxesParser();
  private pairs: SentencePair[] = [];
  private readonly seen = new Set<string>();
  private found = false;
  private unit: Partial<SentencePair> = {};
  private language = '';
  private text: string[] = [];
  private inSegment = false;
  private codes = 0; // how many marks of codes are open
  private first = true;

  constructor(
    private readonly path: string,
    private readonly languages: TmxLanguages,
  ) {
    this.parser.on('error', (cause) => {
      throw new InputError(
        `Expected well-formed XML in ${path}, got an error at ${cause.message.replace(/\.$/, '')} (line:column)`,
        { code: 'TMX', cause },
      );
    });
    this.parser.on('opentag', (tag) => this.open(tag));
    this.parser.on('closetag', (tag) => this.closeTag(tag.name));
    this.parser.on('text', (text) => this.add(text));
    this.parser.on('cdata', (text) => this.add(text));
  }

  write(piece: string): void {
    this.parser.write(piece);
  }

  /** The pairs since the last call. */
  take(): SentencePair[] {
    const { pairs } = this;
    this.pairs = [];
    return pairs;
  }

  close(): void {
    this.parser.close();
    if (this.found) return;
    const { source, target } = this.languages;
    const there = this.seen.size === 0 ? 'none' : [...this.seen].sort().join(', ');
    throw new InputError(`Expected units in ${source} and ${target} in ${this.path}, got the languages: ${there}`, {
      code: 'EMPTY',
    });
  }

  private open({ name, attributes }: SaxesTagPlain): void {
    if (this.first && name !== 'tmx') {
      throw new InputError(`Expected a translation memory <tmx> in ${this.path}, got <${name}>`, { code: 'TMX' });
    }
    this.first = false;
    if (name === 'tu') this.unit = {};
    else if (name === 'tuv') {
      this.language = attributes['xml:lang'] ?? attributes.lang ?? '';
      if (this.seen.size < 20) this.seen.add(this.language);
    } else if (name === 'seg') {
      this.inSegment = true;
      this.codes = 0;
      this.text = [];
    } else if (CODES.has(name)) this.codes++;
  }

  private add(text: string): void {
    if (this.inSegment && this.codes === 0) this.text.push(text);
  }

  private closeTag(name: string): void {
    if (CODES.has(name)) this.codes--;
    else if (name === 'seg') this.endSegment();
    else if (name === 'tu' && this.unit.source !== undefined && this.unit.target !== undefined) {
      this.found = true;
      this.pairs.push({ source: this.unit.source, target: this.unit.target });
    }
  }

  private endSegment(): void {
    this.inSegment = false;
    const text = this.text.join('').replace(/\s+/g, ' ').trim();
    if (isLanguage(this.language, this.languages.source)) this.unit.source ??= text;
    else if (isLanguage(this.language, this.languages.target)) this.unit.target ??= text;
  }
}

function isLanguage(tag: string, wanted: string): boolean {
  const one = canonical(tag);
  const other = canonical(wanted);
  return one === other || one.startsWith(`${other}-`);
}

function canonical(tag: string): string {
  return tag.toLowerCase().replaceAll('_', '-');
}

function checkLanguages({ source, target }: TmxLanguages): void {
  for (const [name, tag] of Object.entries({ source, target })) {
    if (!hasTagForm(tag)) {
      throw new ConfigError(expected(`${name} language`, 'a language tag such as en or pt-BR', tag));
    }
  }
  if (isLanguage(source, target) || isLanguage(target, source)) {
    throw new ConfigError(expected('source and target languages', 'two different ones', [source, target]));
  }
}
