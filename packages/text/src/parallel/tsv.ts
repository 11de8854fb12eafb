import { ConfigError, expected, InputError } from '@cadenza/core';
import type { SentencePair } from './parallelCorpus.js';
import { readLines } from './textFile.js';

/** Which columns, counted from 1, hold the two sides. */
export interface TsvColumns {
  source: number;
  target: number;
}

/**
 * The sentence pairs of a file of tab-separated values: `source`, `target`, and whatever follows, such as an attribution
 * (Tatoeba's pairs); or `id`, `source`, `id`, `target`, which the first line tells by whole numbers in columns 1 and 3.
 * There are no quotes and no escapes. Lines with nothing in them are passed over.
 */
export async function* readTsvPairs(path: string, columns?: TsvColumns): AsyncGenerator<SentencePair[]> {
  if (columns) checkColumns(columns);
  let places = columns;
  let number = 0;
  for await (const lines of readLines(path)) {
    const pairs: SentencePair[] = [];
    for (const line of lines) {
      number++;
      if (line.trim() === '') continue;
      const cells = line.split('\t');
      places ??= guessColumns(cells);
      const needed = Math.max(places.source, places.target);
      if (cells.length < needed) {
        throw new InputError(
          `Expected at least ${needed} columns between tabs in line ${number} of ${path}, got ${cells.length}`,
          { code: 'TSV' },
        );
      }
      pairs.push({ source: cells[places.source - 1], target: cells[places.target - 1] });
    }
    if (pairs.length > 0) yield pairs;
  }
}

function guessColumns(cells: readonly string[]): TsvColumns {
  const ids = cells.length >= 4 && [0, 2].every((column) => /^\d+$/.test(cells[column]));
  return ids ? { source: 2, target: 4 } : { source: 1, target: 2 };
}

function checkColumns({ source, target }: TsvColumns): void {
  for (const [name, column] of Object.entries({ source, target })) {
    if (!Number.isInteger(column) || column < 1) {
      throw new ConfigError(expected(`${name} column`, 'a positive integer', column));
    }
  }
  if (source === target) throw new ConfigError(expected('source and target columns', 'two different ones', source));
}
