import { CONTINUATION, END_OF_WORD, type Merge } from './merges.js';

/** What {@link restrictToVocabulary} needs: whether a subword, with its continuation mark, is known. */
export type KnownSubwords = Pick<ReadonlySet<string>, 'has'>;

/** For each merged symbol, the two that the first merge to make it joins. */
export function partsOf(merges: readonly Merge[]): Map<string, Merge> {
  const parts = new Map<string, Merge>();
  for (const merge of merges) {
    const symbol = merge[0] + merge[1];
    if (!parts.has(symbol)) parts.set(symbol, merge);
  }
  return parts;
}

/**
 * The subwords of a word with those that are not known taken apart again, merge by merge, down to single characters where
 * need be: so a subword that is common in one language only is not given to the other (subword-nmt's vocabulary filter).
 */
export function restrictToVocabulary(
  subwords: readonly string[],
  known: KnownSubwords,
  parts: ReadonlyMap<string, Merge>,
): string[] {
  return subwords.flatMap((subword, index) => takeApart(subword, index === subwords.length - 1, known, parts));
}

function takeApart(subword: string, final: boolean, known: KnownSubwords, parts: ReadonlyMap<string, Merge>): string[] {
  if (known.has(final ? subword : subword + CONTINUATION)) return [subword];
  const merge = parts.get(final ? subword + END_OF_WORD : subword);
  if (!merge) return [subword];
  const [left, right] = merge;
  // Where a text holds the mark of a word's end itself, the merge may be of its letters: nothing of the word stands behind it.
  if (final && (right.length <= END_OF_WORD.length || !right.endsWith(END_OF_WORD))) return [subword];
  const rest = final ? right.slice(0, -END_OF_WORD.length) : right;
  return [...takeApart(left, false, known, parts), ...takeApart(rest, final, known, parts)];
}
