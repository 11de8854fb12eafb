import { ConfigError, expected, InputError } from '@cadenza/core';
import { compareCodePoints } from '../vocabulary.js';
import { initialSymbols, type Merge, wordsOf } from './merges.js';
import { PairQueue } from './pairQueue.js';

export interface LearnOptions {
  /** How many merges to learn. */
  merges?: number;
  /** Instead of `merges`: about how many symbols there shall be, the characters of the text and the merges together. */
  vocabularySize?: number;
  /** Stops where no pair is as frequent as this; 2 unless told. */
  minimumFrequency?: number;
}

/** How often each word occurs in some lines. One string, which iterates over its characters, is none. */
export function countWords(lines: Iterable<string> & object): Map<string, number> {
  if (typeof lines === 'string') {
    throw new InputError('Expected lines to count the words of, got one string: split it into a list of lines');
  }
  const counts = new Map<string, number>();
  for (const line of lines) for (const word of wordsOf(line)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * Learns byte-pair encoding: the most frequent pair of neighbouring symbols becomes a symbol, again and again (Sennrich,
 * Haddow and Birch 2016, algorithm 1). Of equally frequent pairs the last in the order of code points comes first, as in
 * subword-nmt, whose merges these are. Only the words that hold a pair are looked at when it is merged.
 */
export function learnMerges(counts: ReadonlyMap<string, number>, options: LearnOptions): Merge[] {
  const { minimumFrequency = 2 } = options;
  if (!Number.isInteger(minimumFrequency) || minimumFrequency < 1) {
    throw new ConfigError(expected('minimumFrequency', 'a positive integer', minimumFrequency));
  }
  if (counts.size === 0) throw new InputError('Expected words to learn byte-pair encoding from, got none');
  const statistics = new PairStatistics(counts, minimumFrequency);
  const limit = mergeLimit(options, statistics.symbols.length);
  const merges: Merge[] = [];
  while (merges.length < limit) {
    const pair = statistics.mostFrequent();
    if (pair === undefined) break;
    merges.push(statistics.merge(pair));
  }
  return merges;
}

function mergeLimit({ merges, vocabularySize }: LearnOptions, characters: number): number {
  if ((merges === undefined) === (vocabularySize === undefined)) {
    throw new ConfigError('Expected either merges or vocabularySize for byte-pair encoding, got both or neither');
  }
  const [name, value] = merges !== undefined ? ['merges', merges] : ['vocabularySize', vocabularySize];
  if (!Number.isInteger(value) || value! < 0) {
    throw new ConfigError(expected(name as string, 'a non-negative integer', value));
  }
  return merges ?? Math.max(0, vocabularySize! - characters);
}

/** Two neighbouring symbols, how often they occur, and where. */
interface Pair {
  first: number;
  second: number;
  count: number;
  /** The count with which the pair stands in the queue; 0 where it does not. */
  queued: number;
  /** The words that hold it, or once did. */
  words: number[];
}

/** The words as symbols, and the counts of their pairs, kept up to date from merge to merge. */
class PairStatistics {
  /** The text of each symbol. */
  readonly symbols: string[] = [];
  private readonly symbolIds = new Map<string, number>();
  private readonly words: number[][] = [];
  private readonly frequencies: number[] = [];
  private readonly pairs: Pair[] = [];
  private readonly pairIds = new Map<number, number>();
  private readonly queue = new PairQueue((one, other) => this.isAfter(this.pairs[one], this.pairs[other]));

  constructor(
    counts: ReadonlyMap<string, number>,
    private readonly minimumFrequency: number,
  ) {
    for (const [word, frequency] of counts) {
      this.words.push(initialSymbols(word).map((symbol) => this.symbolId(symbol)));
      this.frequencies.push(frequency);
    }
    this.words.forEach((word, index) => {
      this.count(word, this.frequencies[index], (pair) => pair.words.push(index));
    });
    this.pairs.forEach((_, id) => this.enqueue(id));
  }

  /** The id of the pair to merge next, or undefined where none is frequent enough. */
  mostFrequent(): number | undefined {
    for (let entry = this.queue.pop(); entry; entry = this.queue.pop()) {
      const pair = this.pairs[entry.pair];
      if (entry.count !== pair.queued) continue; // it was put in again with a higher count
      pair.queued = 0;
      if (entry.count === pair.count) return entry.pair;
      this.enqueue(entry.pair); // it has become rarer since
    }
    return undefined;
  }

  /** Makes one symbol of the pair in all words. */
  merge(id: number): Merge {
    const { first, second, words } = this.pairs[id];
    const merged = this.symbolId(this.symbols[first] + this.symbols[second]);
    const risen = new Set<number>();
    for (const index of new Set(words)) {
      const old = this.words[index];
      const joined = joinPairs(old, first, second, merged);
      if (joined.length === old.length) continue; // an earlier merge took the pair away
      this.words[index] = joined;
      this.count(old, -this.frequencies[index]);
      this.count(joined, this.frequencies[index], (pair, pairId) => {
        if (pair.first !== merged && pair.second !== merged) return;
        pair.words.push(index);
        risen.add(pairId);
      });
    }
    this.pairs[id].words = [];
    for (const pairId of risen) this.enqueue(pairId);
    return [this.symbols[first], this.symbols[second]];
  }

  private symbolId(symbol: string): number {
    let id = this.symbolIds.get(symbol);
    if (id === undefined) {
      id = this.symbols.push(symbol) - 1;
      this.symbolIds.set(symbol, id);
    }
    return id;
  }

  private count(word: readonly number[], frequency: number, visit?: (pair: Pair, id: number) => void): void {
    for (let place = 1; place < word.length; place++) {
      const key = word[place - 1] * SYMBOL_LIMIT + word[place];
      let id = this.pairIds.get(key);
      if (id === undefined) {
        id = this.pairs.push({ first: word[place - 1], second: word[place], count: 0, queued: 0, words: [] }) - 1;
        this.pairIds.set(key, id);
      }
      this.pairs[id].count += frequency;
      visit?.(this.pairs[id], id);
    }
  }

  private enqueue(id: number): void {
    const pair = this.pairs[id];
    if (pair.count < this.minimumFrequency || pair.count <= pair.queued) return;
    pair.queued = pair.count;
    this.queue.push(id, pair.count);
  }

  private isAfter(one: Pair, other: Pair): boolean {
    const { symbols } = this;
    const order = compareCodePoints(symbols[one.first], symbols[other.first]);
    return (order || compareCodePoints(symbols[one.second], symbols[other.second])) > 0;
  }
}

/** More symbols than a text can have: code points, within a word and at its end, and merges. */
const SYMBOL_LIMIT = 2 ** 26;

/** The word with each occurrence of the pair, from the left, as one symbol. */
function joinPairs(word: readonly number[], first: number, second: number, merged: number): number[] {
  const joined: number[] = [];
  for (let place = 0; place < word.length; place++) {
    const found = word[place] === first && word[place + 1] === second;
    joined.push(found ? merged : word[place]);
    if (found) place++;
  }
  return joined;
}
