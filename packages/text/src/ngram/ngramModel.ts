import {
  defaultFileSystem,
  expected,
  InputError,
  replaceFile,
  type LanguageScorer,
  type ScoredState,
} from '@cadenza/core';
import { readLines } from '../parallel/textFile.js';
import { UNKNOWN_TOKEN } from '../vocabulary.js';
import { ArpaReader } from './arpaReader.js';
import { arpaLines } from './arpaWriter.js';
import { trainKneserNey, type Discounts, type NgramTrainOptions } from './kneserNey.js';
import { NgramTable, ROOT, SENTENCE_END, SENTENCE_START } from './ngramTable.js';

/** The longest n-gram that what has been said so far ends with, as far as it matters for what follows. */
export type NgramState = number;

export interface NgramPerplexity {
  /** exp(-logProbability / tokens) */
  perplexity: number;
  /** In nats. */
  logProbability: number;
  /** The ends of sentences included. */
  tokens: number;
  /** How many of the tokens the model does not know. */
  unknown: number;
}

/**
 * A language model of n-grams with backoff (Katz 1987), over words, characters or any other tokens:
 *
 *     log p(w | h) = the value of h w where it is listed, else backoff(h) + log p(w | h without its first)
 *
 * All values are in nats. A token that the model does not know counts as `<unk>`; where there is none, it has the probability 0.
 */
export class NgramModel implements LanguageScorer<string, NgramState> {
  /** The length of the longest n-grams. */
  readonly order: number;
  private readonly ids = new Map<string, number>();
  private readonly unknownId: number;

  constructor(
    private readonly table: NgramTable,
    /** By length from 1 on, where the model was trained here. */
    readonly discounts?: readonly Discounts[],
  ) {
    this.order = table.lengths[table.size - 1];
    table.tokens.forEach((token, id) => this.ids.set(token, id));
    this.unknownId = this.ids.get(UNKNOWN_TOKEN) ?? -1;
  }

  /** Estimates a model with modified Kneser-Ney smoothing: see {@link trainKneserNey}. A sentence is a list of tokens. */
  static train(sentences: readonly (readonly string[])[], options: NgramTrainOptions = {}): NgramModel {
    const { table, discounts } = trainKneserNey(sentences, options);
    return new NgramModel(table, discounts);
  }

  /** Reads the ARPA format. @param name the text's name in errors */
  static fromArpa(text: string, name = 'the ARPA text'): NgramModel {
    const reader = new ArpaReader(name);
    for (const line of text.split('\n')) reader.read(line.endsWith('\r') ? line.slice(0, -1) : line);
    return new NgramModel(reader.finish());
  }

  /** Reads an ARPA file, plain or compressed by gzip. */
  static async readArpa(path: string): Promise<NgramModel> {
    const reader = new ArpaReader(path);
    for await (const lines of readLines(path)) for (const line of lines) reader.read(line);
    return new NgramModel(reader.finish());
  }

  /** The model in the ARPA format, with logarithms of base 10. */
  toArpa(): string {
    return [...arpaLines(this.table)].join('\n') + '\n';
  }

  /** Writes an ARPA file; whoever reads it sees the old file or the whole new one. */
  writeArpa(path: string): void {
    replaceFile(defaultFileSystem, path, this.toArpa());
  }

  /** Its tokens, `<unk>`, `<s>` and `</s>` included where it has them. */
  get tokens(): readonly string[] {
    return this.table.tokens;
  }

  /** How many n-grams of each length there are, from 1 on. */
  get sizes(): number[] {
    const sizes = new Array<number>(this.order).fill(0);
    for (let node = 1; node < this.table.size; node++) sizes[this.table.lengths[node] - 1]++;
    return sizes;
  }

  has(token: string): boolean {
    return this.ids.has(token);
  }

  /** The state at the start of a sentence. */
  start(): NgramState {
    return this.order > 1 && this.has(SENTENCE_START) ? this.table.child(ROOT, this.ids.get(SENTENCE_START)!) : ROOT;
  }

  /** log p(token | state), and the state after it. */
  next(state: NgramState, token: string): ScoredState<NgramState> {
    const { table } = this;
    const id = this.ids.get(token) ?? this.idOfUnknown(token);
    if (id === -1) return { logProbability: -Infinity, state: ROOT };
    let backoff = 0;
    let node = table.child(state, id);
    for (let context = state; node === -1; node = table.child(context, id)) {
      backoff += table.backoffs[context];
      context = table.suffixes[context]; // the root has every token
    }
    const after = table.lengths[node] < this.order ? node : table.suffixes[node];
    return { logProbability: backoff + table.logProbabilities[node], state: after };
  }

  /** Also of what is no token at all, as where a scorer has fewer names than symbols: that is refused. */
  private idOfUnknown(token: unknown): number {
    if (typeof token !== 'string') throw new InputError(expected('a token of the n-gram model', 'a string', token));
    return this.unknownId;
  }

  /** log p(end of the sentence | state) */
  finish(state: NgramState): number {
    return this.next(state, SENTENCE_END).logProbability;
  }

  /** log p(token | the tokens before it); `<s>` may be the first of those. */
  logProbability(token: string, before: readonly string[] = []): number {
    let state: NgramState = ROOT;
    before.forEach((earlier, place) => {
      state = place === 0 && earlier === SENTENCE_START ? this.start() : this.next(state, earlier).state;
    });
    return this.next(state, token).logProbability;
  }

  /** log p of a whole sentence, its end included. */
  sentenceLogProbability(sentence: readonly string[]): number {
    let state = this.start();
    let sum = 0;
    for (const token of sentence) {
      const next = this.next(state, token);
      sum += next.logProbability;
      state = next.state;
    }
    return sum + this.finish(state);
  }

  perplexity(sentences: Iterable<readonly string[]>): NgramPerplexity {
    let logProbability = 0;
    let tokens = 0;
    let unknown = 0;
    for (const sentence of sentences) {
      logProbability += this.sentenceLogProbability(sentence);
      tokens += sentence.length + 1;
      unknown += sentence.filter((token) => !this.has(token) || token === UNKNOWN_TOKEN).length;
    }
    if (tokens === 0) throw new InputError('Expected at least one sentence to measure, got none');
    return { perplexity: Math.exp(-logProbability / tokens), logProbability, tokens, unknown };
  }
}
