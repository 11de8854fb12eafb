import type { Random } from '@cadenza/core';
import { END_OF_WORD, type Merge } from './merges.js';

/** A word on its way from characters to subwords. */
interface Segmentation {
  /** The number of each symbol, -1 for a character of no merge. */
  symbols: number[];
  /** The code unit of the word where each symbol ends. */
  ends: number[];
  /** The merge that joins each symbol with the one after it, {@link NO_MERGE} where there is none. */
  ranks: number[];
}

const NO_MERGE = 2 ** 30;

/** The merges of byte-pair encoding by number, so that a word is cut up without making strings. */
export class MergeTable {
  private readonly symbolIds = new Map<string, number>();
  /** Which merge joins two symbols: the rank of the first that does. */
  private readonly rankOfPair = new Map<number, number>();
  /** The symbol that each merge makes. */
  private readonly results: number[] = [];
  private readonly symbolCount: number;

  constructor(merges: readonly Merge[]) {
    for (const [first, second] of merges) {
      for (const symbol of [first, second, first + second]) {
        if (!this.symbolIds.has(symbol)) this.symbolIds.set(symbol, this.symbolIds.size);
      }
    }
    this.symbolCount = this.symbolIds.size;
    merges.forEach(([first, second], rank) => {
      const key = this.pairKey(this.symbolIds.get(first)!, this.symbolIds.get(second)!);
      if (!this.rankOfPair.has(key)) this.rankOfPair.set(key, rank);
      this.results.push(this.symbolIds.get(first + second)!);
    });
  }

  /**
   * The subwords of a word: again and again the pair that was learned first becomes one symbol, at all its places from the
   * left. With `dropout` each pair is passed over with that probability at each step (Provilkov, Emelianenko and Voita 2020).
   */
  split(word: string, dropout = 0, random?: Random): string[] {
    const segmentation = this.start(word);
    const { ends, ranks } = segmentation;
    while (ranks.length > 0) {
      const places = dropout > 0 ? placesToMerge(ranks, dropout, random!) : placesOfFirst(ranks);
      if (places.length === 0) break;
      this.join(segmentation, places);
    }
    return ends.map((end, index) => word.slice(index === 0 ? 0 : ends[index - 1], end));
  }

  private start(word: string): Segmentation {
    const symbols: number[] = [];
    const ends: number[] = [];
    let end = 0;
    for (const character of word) {
      end += character.length;
      symbols.push(this.symbolIds.get(end === word.length ? character + END_OF_WORD : character) ?? -1);
      ends.push(end);
    }
    const ranks: number[] = [];
    for (let place = 1; place < symbols.length; place++) ranks.push(this.rank(symbols[place - 1], symbols[place]));
    return { symbols, ends, ranks };
  }

  /** Joins the symbols at the places of one merge with those after them, in place; of places that overlap, the left one. */
  private join({ symbols, ends, ranks }: Segmentation, places: readonly number[]): void {
    const result = this.results[ranks[places[0]]];
    let next = 0; // of places
    let kept = places[0];
    let joinedBefore = false;
    for (let place = kept; place < symbols.length; place++) {
      while (next < places.length && places[next] < place) next++;
      const joined = places[next] === place;
      const last = joined ? place + 1 : place;
      symbols[kept] = joined ? result : symbols[place];
      ends[kept] = ends[last];
      if (kept > 0 && (joined || joinedBefore)) ranks[kept - 1] = this.rank(symbols[kept - 1], symbols[kept]);
      ranks[kept] = ranks[last]; // of the pair that follows, unless that is joined too
      joinedBefore = joined;
      kept++;
      place = last;
    }
    symbols.length = ends.length = kept;
    ranks.length = kept - 1;
  }

  private rank(first: number, second: number): number {
    if (first < 0 || second < 0) return NO_MERGE;
    return this.rankOfPair.get(this.pairKey(first, second)) ?? NO_MERGE;
  }

  private pairKey(first: number, second: number): number {
    return first * this.symbolCount + second;
  }
}

/** Where the merge that was learned first can be applied; nowhere if none can. */
function placesOfFirst(ranks: readonly number[]): number[] {
  let best = NO_MERGE;
  let places: number[] = [];
  for (let place = 0; place < ranks.length; place++) {
    if (ranks[place] > best || ranks[place] === NO_MERGE) continue;
    if (ranks[place] < best) places = [];
    best = ranks[place];
    places.push(place);
  }
  return places;
}

/** The same of those pairs that are not passed over. */
function placesToMerge(ranks: readonly number[], dropout: number, random: Random): number[] {
  return placesOfFirst(ranks.map((rank) => (rank < NO_MERGE && random.next() < dropout ? NO_MERGE : rank)));
}
