import { createHash } from 'node:crypto';
import { expected, InputError } from '@cadenza/core';

/** How symbols make up a text. */
export type SymbolUnit = 'character' | 'word';

/** The file `vocabulary.json` of a run. */
export interface SymbolTableJson {
  unit: SymbolUnit;
  casing: 'lower' | 'none';
  /** By their ids from 1 on: 0 is the blank. */
  symbols: string[];
}

/** White space of any kind: JavaScript's, and what only Unicode and Python count, by which words are measured. */
const spaces = new RegExp('[\\s\\u001c-\\u001f\\u0085]+', 'u');

/** The text of a recording, composed (NFC): no space at its ends, one between words. */
export function cleanText(text: string, casing: 'lower' | 'none'): string {
  // Lower-cased first: some small letters are composed of what has no composed capital.
  const cased = casing === 'lower' ? text.toLowerCase() : text;
  const words = cased.normalize('NFC').split(spaces);
  return words.filter((word) => word !== '').join(' ');
}

/** The symbols that a model tells apart, and texts as their ids. Id 0 is the blank of CTC. */
export class SymbolTable {
  /** The text of each id. */
  readonly symbols: readonly string[];
  private readonly ids = new Map<string, number>();

  constructor(private readonly json: SymbolTableJson) {
    this.symbols = ['', ...json.symbols];
    this.symbols.forEach((symbol, id) => this.ids.set(symbol, id));
    if (json.symbols.length === 0 || this.ids.size !== this.symbols.length) {
      throw new InputError(expected('the symbols', 'at least one and each once', json.symbols.length));
    }
  }

  /** The symbols of some texts, sorted. */
  static learn(texts: readonly string[], { unit, casing }: Omit<SymbolTableJson, 'symbols'>): SymbolTable {
    const found = new Set(texts.flatMap((text) => piecesOf(cleanText(text, casing), unit)));
    if (unit === 'character') found.add(' ');
    const symbols = [...found].sort((a, b) => (a < b ? -1 : 1));
    return new SymbolTable({ unit, casing, symbols });
  }

  static fromJSON(json: unknown): SymbolTable {
    const { unit, casing, symbols } = (json ?? {}) as Partial<SymbolTableJson>;
    const texts = Array.isArray(symbols) && symbols.every((symbol) => typeof symbol === 'string');
    if ((unit !== 'character' && unit !== 'word') || (casing !== 'lower' && casing !== 'none') || !texts) {
      throw new InputError('Expected a vocabulary to have unit, casing and symbols, got another object');
    }
    return new SymbolTable({ unit, casing, symbols });
  }

  toJSON(): SymbolTableJson {
    return structuredClone(this.json);
  }

  get unit(): SymbolUnit {
    return this.json.unit;
  }

  /** How many symbols there are, the blank included. */
  get size(): number {
    return this.symbols.length;
  }

  /** SHA-256 over all of it. */
  get fingerprint(): string {
    return createHash('sha256').update(JSON.stringify(this.json)).digest('hex');
  }

  /** The id of the symbol between words; -1 where symbols are words. */
  get separator(): number {
    return this.unit === 'character' ? this.ids.get(' ')! : -1;
  }

  /** A text as it is compared with others. */
  clean(text: string): string {
    return cleanText(text, this.json.casing);
  }

  /** The ids of a text, and the symbols of it that are not known. */
  encode(text: string): { ids: Int32Array; unknown: string[] } {
    const pieces = piecesOf(this.clean(text), this.unit);
    const unknown = [...new Set(pieces.filter((piece) => !this.ids.has(piece)))];
    return {
      ids: Int32Array.from(
        pieces.filter((piece) => this.ids.has(piece)),
        (piece) => this.ids.get(piece)!,
      ),
      unknown,
    };
  }

  /** The text of some ids. */
  decode(ids: Iterable<number>): string {
    const pieces = Array.from(ids, (id) => this.symbols[id]);
    return this.unit === 'word' ? pieces.join(' ') : cleanText(pieces.join(''), 'none');
  }
}

/** The symbols of a clean text, in their order. */
export function piecesOf(text: string, unit: SymbolUnit): string[] {
  if (text === '') return [];
  return unit === 'word' ? text.split(' ') : Array.from(text);
}
