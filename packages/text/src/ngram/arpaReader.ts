import { InputError } from '@cadenza/core';
import { NgramTable, ROOT } from './ngramTable.js';

type Unigram = { token: string; logProbability: number; backoff: number };

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
/** The logarithm of 0, as other tools write it. */
const MINUS_INFINITY = /^-inf(inity)?$/i;

/**
 * Reads the ARPA format of n-gram models line by line. What stands before `\data\` is passed over; only spaces, tabs and line ends
 * separate, so that a token may be any other white space. Throws an {@link InputError} with the line's number where something is
 * not as the format has it: a count that does not fit, an n-gram twice, one whose tokens or whose beginning were not listed, a
 * probability above 1, a missing end.
 */
export class ArpaReader {
  private line = 0;
  private section: 'before' | 'counts' | 'ngrams' | 'after' = 'before';
  private readonly counts: number[] = [];
  /** The length of the n-grams that are being read, and how many have been. */
  private length = 0;
  private found = 0;
  private readonly unigrams: Unigram[] = [];
  private readonly ids = new Map<string, number>();
  private table?: NgramTable;

  /** @param name the file's name in errors */
  constructor(private readonly name: string) {}

  read(line: string): void {
    this.line++;
    const text = line.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (text === '') return;
    if (this.section === 'before') this.readStart(text);
    else if (this.section === 'after') this.fail('nothing after \\end\\', text);
    else if (text.startsWith('\\') && !/[ \t]/.test(text)) this.readHead(text);
    else if (this.section === 'counts') this.readCount(text);
    else this.readNgram(text);
  }

  /** The n-grams that have been read. */
  finish(): NgramTable {
    if (this.section !== 'after') {
      this.fail(this.section === 'before' ? '\\data\\' : '\\end\\', 'the end of the text');
    }
    return this.table!;
  }

  private readStart(text: string): void {
    if (text === '\\data\\' || text === '\uFEFF\\data\\') this.section = 'counts';
  }

  private readCount(text: string): void {
    const match = /^ngram (\d+)\s*=\s*(\d+)$/.exec(text);
    if (!match || Number(match[1]) !== this.counts.length + 1) {
      this.fail(`ngram ${this.counts.length + 1}=COUNT or \\1-grams:`, text);
    }
    this.counts.push(Number(match[2]));
  }

  /** `\N-grams:` or `\end\` */
  private readHead(text: string): void {
    if (this.length > 0 && this.found !== this.counts[this.length - 1]) {
      this.fail(`${this.counts[this.length - 1]} n-grams of length ${this.length}`, this.found);
    }
    if (this.length === 1) this.makeTable();
    const wanted = this.length < this.counts.length ? `\\${this.length + 1}-grams:` : '\\end\\';
    if (this.counts.length === 0 || text !== wanted)
      this.fail(this.counts.length === 0 ? 'ngram 1=COUNT' : wanted, text);
    this.section = this.length < this.counts.length ? 'ngrams' : 'after';
    this.length++;
    this.found = 0;
  }

  private readNgram(text: string): void {
    const fields = text.split(/[ \t]+/);
    const extra = fields.length - 1 - this.length;
    const most = this.length < this.counts.length ? 1 : 0;
    if (extra < 0 || extra > most) {
      this.fail(`a number, ${this.length} tokens${most ? ' and perhaps a backoff' : ''}`, text);
    }
    const logProbability = this.readNumber(fields[0]) * Math.LN10;
    if (logProbability > 0) this.fail('a logarithm of a probability, at most 0', fields[0]);
    const backoff = extra === 1 ? this.readNumber(fields[fields.length - 1]) * Math.LN10 : 0;
    this.found++;
    const tokens = fields.slice(1, 1 + this.length);
    if (this.length === 1) this.addUnigram({ token: tokens[0], logProbability, backoff });
    else this.addNgram(tokens, logProbability, backoff);
  }

  private addUnigram(unigram: Unigram): void {
    if (this.ids.has(unigram.token)) this.fail('each n-gram once', unigram.token);
    this.ids.set(unigram.token, this.unigrams.length);
    this.unigrams.push(unigram);
  }

  private makeTable(): void {
    if (this.unigrams.length === 0) this.fail('at least one n-gram of length 1', 'none');
    this.table = new NgramTable(this.unigrams.map(({ token }) => token));
    this.unigrams.forEach(({ logProbability, backoff }, id) => this.table!.add(ROOT, id, logProbability, backoff));
  }

  private addNgram(tokens: readonly string[], logProbability: number, backoff: number): void {
    const table = this.table!;
    let parent = ROOT;
    tokens.forEach((token, place) => {
      const id = this.ids.get(token);
      if (id === undefined) this.fail('tokens that are listed among the 1-grams', token);
      if (place === tokens.length - 1) {
        if (table.child(parent, id) !== -1) this.fail('each n-gram once', tokens.join(' '));
        table.add(parent, id, logProbability, backoff);
        return;
      }
      parent = table.child(parent, id);
      if (parent === -1) this.fail('the beginning of each n-gram among the shorter ones', tokens.join(' '));
    });
  }

  private readNumber(text: string): number {
    if (MINUS_INFINITY.test(text)) return -Infinity;
    if (!NUMBER.test(text)) this.fail('a number', text);
    return Number(text);
  }

  private fail(wanted: string, got: string | number): never {
    const shown = typeof got === 'string' ? JSON.stringify(got.length > 80 ? `${got.slice(0, 80)}...` : got) : got;
    throw new InputError(`Expected ${wanted} in line ${this.line} of ${this.name}, got ${shown}`, { code: 'ARPA' });
  }
}
