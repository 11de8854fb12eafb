import { InputError } from '@cadenza/core';
import { compareCodePoints, UNKNOWN_TOKEN } from '../vocabulary.js';
import { NgramTable, ROOT, SENTENCE_END, SENTENCE_START } from './ngramTable.js';

/** The ids of the tokens that every trained model has. */
export const UNKNOWN_ID = 0;
export const START_ID = 1;
export const END_ID = 2;

export interface NgramCounts {
  table: NgramTable;
  /** How often each node's n-gram occurs; the lone start of a sentence, which is never predicted, 0 times. */
  counts: number[];
  /**
   * The adjusted counts of Kneser and Ney: of the longest n-grams, and of those from the start of a sentence, how often they
   * occur; of others, after how many different tokens.
   */
  adjusted: Float64Array;
}

export interface VocabularyChoice {
  vocabulary?: Iterable<string>;
  minimumCount: number;
}

/** Counts the n-grams up to `order` of sentences, each with one start and one end. */
export function countNgrams(
  sentences: readonly (readonly string[])[],
  order: number,
  choice: VocabularyChoice,
): NgramCounts {
  const tokens = [UNKNOWN_TOKEN, SENTENCE_START, SENTENCE_END, ...chooseTokens(sentences, choice)];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const table = new NgramTable(tokens);
  const counts = [0];
  const occurs = (parent: number, token: number, times: number): number => {
    let node = table.child(parent, token);
    if (node === -1) {
      node = table.add(parent, token);
      counts.push(0);
    }
    counts[node] += times;
    return node;
  };
  for (let id = 0; id < tokens.length; id++) occurs(ROOT, id, 0); // what never occurs has a probability too
  for (const sentence of sentences) {
    let ends = [ROOT, occurs(ROOT, START_ID, 0)]; // the nodes of the last 0, 1, .. tokens
    for (const id of [...sentence.map((token) => ids.get(token) ?? UNKNOWN_ID), END_ID]) {
      const before = ends;
      ends = [ROOT];
      for (let length = 1; length <= Math.min(order, before.length); length++) {
        ends.push(occurs(before[length - 1], id, 1));
      }
    }
  }
  return { table, counts, adjusted: adjust(table, counts, order) };
}

function adjust(table: NgramTable, counts: readonly number[], order: number): Float64Array {
  const adjusted = new Float64Array(table.size);
  const fromStart = new Uint8Array(table.size);
  for (let node = 1; node < table.size; node++) {
    const length = table.lengths[node];
    fromStart[node] = length === 1 ? Number(table.lastTokens[node] === START_ID) : fromStart[table.parents[node]];
    if (length > 1) adjusted[table.suffixes[node]]++;
  }
  for (let node = 1; node < table.size; node++) {
    if (table.lengths[node] === order || fromStart[node]) adjusted[node] = counts[node];
  }
  return adjusted;
}

/** The words of the vocabulary, or those that occur often enough, by code points. */
function chooseTokens(
  sentences: readonly (readonly string[])[],
  { vocabulary, minimumCount }: VocabularyChoice,
): string[] {
  const occurrences = new Map<string, number>();
  sentences.forEach((sentence, place) => {
    for (const token of sentence) {
      if (token === SENTENCE_START || token === SENTENCE_END || token === '') {
        throw new InputError(`Expected tokens other than <s>, </s> and nothing, got "${token}" in sentence ${place}`);
      }
      occurrences.set(token, (occurrences.get(token) ?? 0) + 1);
    }
  });
  const known = vocabulary ? new Set(vocabulary) : occurrences.keys();
  const chosen = [...known].filter((token) => minimumCount <= 1 || (occurrences.get(token) ?? 0) >= minimumCount);
  return chosen
    .filter((token) => ![UNKNOWN_TOKEN, SENTENCE_START, SENTENCE_END].includes(token))
    .sort(compareCodePoints);
}
