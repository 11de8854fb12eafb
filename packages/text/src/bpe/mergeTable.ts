import type { Random } from '@cadenza/core';
import { END_OF_WORD, type Merge } from './merges.js';

/** The merges of byte-pair encoding by number, so that a word is cut up without making strings. */
export class MergeTable {
  private readonly symbolIds = new Map<string, number>();
  /** Which merge joins two symbols: the rank of the first that does. */
  private readonly ranks = new Map<number, number>();
  /** The symbol that each merge makes. */
  private readonly results: number[] = [];

  constructor(merges: readonly Merge[]) {
    merges.forEach(([first, second], rank) => {
      const key = pairKey(this.symbolId(first), this.symbolId(second));
      if (!this.ranks.has(key)) this.ranks.set(key, rank);
      this.results.push(this.symbolId(first + second));
    });
  }

  /**
   * The subwords of a word: again and again the pair that was learned first becomes one symbol, at all its places from the
   * left. With `dropout` each pair is passed over with that probability at each step (Provilkov, Emelianenko and Voita 2020).
   */
  split(word: string, dropout = 0, random?: Random): string[] {
    const { symbols, ends } = this.start(word);
    while (symbols.length > 1) {
      const { rank, places } = this.firstMerge(symbols, dropout, random);
      if (places.length === 0) break;
      join(symbols, ends, places, this.results[rank]);
    }
    return ends.map((end, index) => word.slice(index === 0 ? 0 : ends[index - 1], end));
  }

  /** The code points as symbols, -1 for those of no merge, and the code unit where each ends. */
  private start(word: string): { symbols: number[]; ends: number[] } {
    const symbols: number[] = [];
    const ends: number[] = [];
    let end = 0;
    for (const character of word) {
      end += character.length;
      const symbol = end === word.length ? character + END_OF_WORD : character;
      symbols.push(this.symbolIds.get(symbol) ?? -1);
      ends.push(end);
    }
    return { symbols, ends };
  }

  /** The merge to apply next, and where; no places where none applies. */
  private firstMerge(symbols: readonly number[], dropout: number, random?: Random): { rank: number; places: number[] } {
    let best = Infinity;
    let places: number[] = [];
    for (let place = 0; place + 1 < symbols.length; place++) {
      if (symbols[place] < 0 || symbols[place + 1] < 0) continue;
      const rank = this.ranks.get(pairKey(symbols[place], symbols[place + 1]));
      if (rank === undefined || rank > best) continue;
      if (dropout > 0 && random!.next() < dropout) continue;
      if (rank < best) places = [];
      best = rank;
      places.push(place);
    }
    return { rank: best, places };
  }

  private symbolId(symbol: string): number {
    let id = this.symbolIds.get(symbol);
    if (id === undefined) {
      id = this.symbolIds.size;
      this.symbolIds.set(symbol, id);
    }
    return id;
  }
}

/** Unique for symbols below 2^26. */
function pairKey(first: number, second: number): number {
  return first * 2 ** 26 + second;
}

/** Joins each symbol at a place with the one after it, in place; of places that overlap, the left one. */
function join(symbols: number[], ends: number[], places: readonly number[], result: number): void {
  let next = 0; // of places
  let kept = 0;
  for (let place = 0; place < symbols.length; place++) {
    while (next < places.length && places[next] < place) next++;
    const found = places[next] === place;
    symbols[kept] = found ? result : symbols[place];
    if (found) place++;
    ends[kept++] = ends[place];
  }
  symbols.length = kept;
  ends.length = kept;
}
