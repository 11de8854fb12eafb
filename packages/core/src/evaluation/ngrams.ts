/** How often each n-gram occurs. */
export type NgramCounts = Map<string, number>;

/** Counts of the n-grams of words, by order from 1 to `maxOrder`. Words hold no white space, so a space joins them safely. */
export function wordNgrams(words: readonly string[], maxOrder: number): NgramCounts[] {
  return Array.from({ length: maxOrder }, (_, index) => {
    const counts: NgramCounts = new Map();
    for (let start = 0; start + index < words.length; start++) {
      count(counts, index === 0 ? words[start] : words.slice(start, start + index + 1).join(' '));
    }
    return counts;
  });
}

/** Counts of the n-grams of characters (Unicode code points), by order from 1 to `maxOrder`. */
export function characterNgrams(text: string, maxOrder: number): NgramCounts[] {
  const starts = codePointStarts(text);
  const length = starts.length - 1;
  return Array.from({ length: maxOrder }, (_, index) => {
    const counts: NgramCounts = new Map();
    for (let start = 0; start + index < length; start++) {
      count(counts, text.slice(starts[start], starts[start + index + 1]));
    }
    return counts;
  });
}

/** How many n-grams there are in all. */
export function totalOf(counts: NgramCounts): number {
  let total = 0;
  for (const times of counts.values()) total += times;
  return total;
}

/** How many n-grams two counts share: the sum of the smaller of both counts. */
export function sharedNgrams(one: NgramCounts, other: NgramCounts): number {
  let shared = 0;
  for (const [ngram, times] of one) shared += Math.min(times, other.get(ngram) ?? 0);
  return shared;
}

/** For every n-gram the largest of its counts. */
export function unionOfCounts(all: readonly NgramCounts[]): NgramCounts {
  if (all.length === 1) return all[0];
  const union: NgramCounts = new Map();
  for (const counts of all) {
    for (const [ngram, times] of counts) union.set(ngram, Math.max(times, union.get(ngram) ?? 0));
  }
  return union;
}

function count(counts: NgramCounts, ngram: string): void {
  counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
}

/** Where each code point starts in UTF-16, and the text's end. */
function codePointStarts(text: string): number[] {
  const starts = [0];
  for (const character of text) starts.push(starts[starts.length - 1] + character.length);
  return starts;
}
