import { ConfigError, expected } from '../errors.js';
import { nearestName } from '../layers/options.js';

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
