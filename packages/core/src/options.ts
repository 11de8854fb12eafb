import { ConfigError, expected } from './errors.js';

/** The fewest insertions, deletions, replacements and swaps of neighbours that turn one word into another. */
export function editDistance(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) best = Math.min(best, before[column - 2] + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[to.length];
}

/** The candidate that most resembles a misspelt name, letter case aside. */
export function nearestName(name: string, candidates: readonly string[]): string {
  const distances = candidates.map((candidate) => editDistance(name.toLowerCase(), candidate.toLowerCase()));
  return candidates[distances.indexOf(Math.min(...distances))];
}

/** The given options without the absent ones: a loaded configuration says null where nothing was set. */
export function presentOptions<T extends object>(options: T): T {
  const present = Object.entries(options).filter(([key, value]) => value != null && key !== 'customObjects');
  return Object.fromEntries(present) as T;
}

/** A number within bounds; `(0` and `1)` exclude the end, as in mathematics. */
export function numberIn(value: unknown, range: string, what: string): number {
  const [low, high] = range.slice(1, -1).split(',').map(Number);
  const number = typeof value === 'number' ? value : NaN;
  const aboveLow = range.startsWith('[') ? number >= low : number > low;
  const belowHigh = range.endsWith(']') ? number <= high : number < high;
  if (aboveLow && belowHigh) return number;
  throw new ConfigError(expected(what, describeRange(range, low, high), value));
}

function describeRange(range: string, low: number, high: number): string {
  if (high !== Infinity) return `a number of ${range.replace(',', ', ')}`;
  return low === 0 && range.startsWith('(') ? 'a positive number' : `a number of at least ${low}`;
}

/** A count: an integer of at least `least`. */
export function integerFrom(least: number, value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  const requirement = least === 1 ? 'a positive integer' : `an integer of at least ${least}`;
  throw new ConfigError(expected(what, requirement, value));
}

/** Refuses options that the owner does not know, naming the nearest that it does. */
export function refuseUnknown(owner: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(expected(`the options of ${owner}`, 'an object', options));
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new ConfigError(
      `Expected an option that ${owner} knows, got ${key}; did you mean ${nearestName(key, known)}?`,
    );
  }
}

/** Refuses a name that is not one of a few, naming the nearest that is. */
export function knownName<T extends string>(value: unknown, known: readonly T[], what: string): T {
  if (known.includes(value as T)) return value as T;
  const hint = typeof value === 'string' ? `; did you mean ${nearestName(value, known)}?` : '';
  throw new ConfigError(`${expected(what, `one of ${known.join(', ')}`, value)}${hint}`);
}

/** Checks a size or a count. */
export function positiveInteger(value: unknown, what: string): number {
  return integerFrom(1, value, what);
}

/** Checks a size that may be 0, which absent means. */
export function sizeOrNone(value: unknown, what: string): number {
  return value === undefined ? 0 : integerFrom(0, value, what);
}

/** Checks a dropout or zoneout rate; absent means 0. */
export function rate(value: unknown, what: string): number {
  return value === undefined ? 0 : numberIn(value, '[0,1)', what);
}

/** Checks rates of dropout by their names; absent ones are 0. */
export function dropoutRates<Name extends string>(
  given: Partial<Record<Name, number>> | undefined,
  names: readonly Name[],
): Record<Name, number> {
  const rates = given ?? {};
  refuseUnknown('dropout', rates, names);
  return Object.fromEntries(
    names.map((name) => [name, rate((rates as Record<string, unknown>)[name] ?? undefined, `dropout.${name}`)]),
  ) as Record<Name, number>;
}

/** Checks a switch. */
export function flag(value: unknown, fallback: boolean, what: string): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new ConfigError(expected(what, 'true or false', value));
  return value;
}

/** Checks a word out of a few; the message names the nearest. */
export function choice<T extends string>(value: unknown, allowed: readonly T[], fallback: T, what: string): T {
  if (value === undefined) return fallback;
  if (allowed.includes(value as T)) return value as T;
  const nearest =
    typeof value === 'string' && allowed.length > 1 ? `; did you mean ${nearestName(value, allowed)}?` : '';
  throw new ConfigError(`${expected(what, allowed.join(' or '), value)}${nearest}`);
}

/** Checks a seed; absent means one drawn from the machine's own randomness. */
export function seedOf(value: unknown, what = 'seed'): number {
  if (value === undefined) return Math.floor(Math.random() * 2 ** 32);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new ConfigError(expected(what, 'a non-negative integer', value));
  }
  return value;
}
