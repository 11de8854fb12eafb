import { closest, distance } from 'fastest-levenshtein';

/** The known name nearest to `name` in edit distance, when it is near enough to be what was meant. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const lower = name.toLowerCase();
  const prefixed = known.filter((candidate) => candidate.toLowerCase().startsWith(lower) && lower.length >= 2);
  if (prefixed.length === 1) return prefixed[0];
  const found = closest(name, [...known]);
  const limit = Math.max(2, Math.floor(Math.max(name.length, found.length) * 0.5));
  return distance(lower, found.toLowerCase()) <= limit ? found : undefined;
}

/** The end of an error about an unknown name: the nearest known one, or all of them when none is near and they are few. */
export function suggestion(name: string, known: readonly string[]): string {
  const found = nearest(name, known);
  if (found !== undefined) return `; did you mean ${found}?`;
  return known.length > 0 && known.length <= 12 ? `; known: ${known.join(', ')}` : '';
}
