import { ConfigError, expected } from '../errors.js';

/** The options every tf.layers.Layer takes. */
export interface BaseLayerOptions {
  name?: string;
  trainable?: boolean;
  inputShape?: (number | null)[];
  batchInputShape?: (number | null)[];
  batchSize?: number;
  dtype?: 'float32' | 'int32' | 'bool' | 'complex64' | 'string';
}

const baseLayerOptionNames = ['name', 'trainable', 'inputShape', 'batchInputShape', 'batchSize', 'dtype'];

/** Options of other libraries' recurrent layers that have no meaning here, and why. */
const refusedOptions: Record<string, string> = {
  unroll: 'a layer always runs the whole sequence in one operation',
  timeMajor: 'sequences are always [batch, time, features]',
  implementation: 'there is one implementation, the fused operation',
  constants: 'a layer has no constants; concatenate them to the input',
  activityRegularizer: 'TensorFlow.js does not support activity regularizers; use kernelRegularizer',
  weights: 'call setWeights() on the built layer',
  useCudnn: 'the backend decides what computes the operation',
};

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

/** Throws a ConfigError for an option that the layer does not know, naming the nearest one that it does. */
export function assertKnownOptions(
  owner: string,
  options: object,
  known: readonly string[],
  base: readonly string[] = baseLayerOptionNames,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(expected(`the options of ${owner}`, 'an object', options));
  }
  const candidates = [...known, ...base];
  for (const [key, value] of Object.entries(options)) {
    if (candidates.includes(key) || key === 'customObjects') continue;
    // A false or absent `unroll` asks for nothing, so a configuration that spells it out is welcome.
    if (key in refusedOptions && (value == null || value === false)) continue;
    const nearest = nearestName(key, candidates);
    const why = refusedOptions[key];
    throw new ConfigError(
      why
        ? `Expected no option ${key} for ${owner}: ${why} (the nearest known option is ${nearest})`
        : `Expected an option that ${owner} knows, got ${key}; did you mean ${nearest}?`,
    );
  }
}

/** Checks a size or a count. */
export function positiveInteger(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new ConfigError(expected(what, 'a positive integer', value));
  }
  return value;
}

/** Checks a dropout or zoneout rate; absent means 0. */
export function rate(value: unknown, what: string): number {
  if (value === undefined) return 0;
  if (typeof value !== 'number' || !(value >= 0 && value < 1)) {
    throw new ConfigError(expected(what, 'a number of [0, 1)', value));
  }
  return value;
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
