import type { EncodedPair } from './batches.js';

/** How many tokens, padding included, and rows are read at once. */
const BATCH_TOKENS = 16_384;
const BATCH_ROWS = 96;

/** Consecutive items as batches that hold so many tokens, padding included, and rows at most; one item always fits. */
export function* batchesOf<Item>(items: readonly Item[], lengthOf: (item: Item) => number): Generator<Item[]> {
  let batch: Item[] = [];
  let longest = 0;
  for (const item of items) {
    const length = Math.max(longest, lengthOf(item));
    if (batch.length > 0 && (batch.length >= BATCH_ROWS || (batch.length + 1) * length > BATCH_TOKENS)) {
      yield batch;
      batch = [];
      longest = 0;
    }
    batch.push(item);
    longest = Math.max(longest, lengthOf(item));
  }
  if (batch.length > 0) yield batch;
}

/** The numbers of pairs as such batches, those with the longest targets first. */
export function pairBatches(pairs: readonly EncodedPair[]): Generator<number[]> {
  const order = Array.from(pairs.keys()).sort((a, b) => pairs[b].target.length - pairs[a].target.length);
  return batchesOf(order, (index) => Math.max(pairs[index].source.length, pairs[index].target.length));
}
