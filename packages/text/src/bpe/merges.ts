import { InputError } from '@cadenza/core';

/** Two symbols that become one. A symbol at the end of a word carries {@link END_OF_WORD}. */
export type Merge = readonly [first: string, second: string];

/** What marks the last symbol of a word in merges, so that `er` at its end is another symbol than within it. */
export const END_OF_WORD = '</w>';

/** What a subword ends in when its word goes on. */
export const CONTINUATION = '@@';

const VERSION_LINE = '#version: 0.2';

/** The first symbols of a word: its code points, the last of them marked. */
export function initialSymbols(word: string): string[] {
  const symbols = Array.from(word);
  symbols[symbols.length - 1] += END_OF_WORD;
  return symbols;
}

/** The words of a line: what stands between spaces and line ends. Other white space belongs to words. */
export function wordsOf(line: string): string[] {
  const words = line.split(' ').filter((word) => word !== '');
  // Line ends are rare within a line, and looking for them in each word would take most of the time.
  return /[\r\n]/.test(line) ? words.flatMap((word) => word.split(/[\r\n]+/).filter((part) => part !== '')) : words;
}

/** The file that subword-nmt's `learn-bpe` writes: its version, then a merge a line, the first to apply first. */
export function formatMerges(merges: readonly Merge[]): string {
  return [VERSION_LINE, ...merges.map((merge) => merge.join(' '))].join('\n') + '\n';
}

/** The merges of a file of subword-nmt's version 0.2. */
export function parseMerges(text: string, name = 'the merges'): Merge[] {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\n+$/, '')
    .split('\n');
  const version = lines[0].trimEnd();
  if (version !== VERSION_LINE) {
    throw new InputError(
      `Expected ${name} to begin with "${VERSION_LINE}", got ${JSON.stringify(version.slice(0, 40))}`,
      {
        code: 'BPE',
      },
    );
  }
  return lines.slice(1).map((line, index) => parseMerge(line, `line ${index + 2} of ${name}`));
}

/** One merge as it is written: its two symbols with a space between them. */
export function parseMerge(line: unknown, name: string): Merge {
  const symbols = typeof line === 'string' ? line.replace(/^[\r\n ]+|[\r\n ]+$/g, '').split(' ') : [];
  if (symbols.length !== 2 || symbols.includes('')) {
    throw new InputError(`Expected two symbols in ${name}, got ${JSON.stringify(line)}`, { code: 'BPE' });
  }
  return [symbols[0], symbols[1]];
}
