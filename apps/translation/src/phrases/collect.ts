import { InputError } from '@cadenza/core';

/** A phrase and its translation. */
export interface PhrasePair {
  source: string;
  target: string;
}

/** So many draws without a new pair mean that there are hardly any left; one draw in ten or so fits a rare split. */
const mostMisses = 3000;

/**
 * Draws until there are `count` pairs whose sources are not in `seen`, and adds them to it.
 *
 * @throws InputError when the phrases run out; `what` says in the message which phrases they are
 */
export function collect(
  what: string,
  count: number,
  seen: Set<string>,
  draw: () => PhrasePair | undefined,
): PhrasePair[] {
  const pairs: PhrasePair[] = [];
  for (let misses = 0; pairs.length < count; misses++) {
    if (misses === mostMisses) {
      throw new InputError(`Expected ${count} phrases (${what}) to exist, got ${pairs.length}; ask for fewer`);
    }
    const pair = draw();
    if (pair === undefined || seen.has(pair.source)) continue;
    seen.add(pair.source);
    pairs.push(pair);
    misses = 0;
  }
  return pairs;
}
