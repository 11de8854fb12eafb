import { ConfigError, expected, refuseUnknown } from '@cadenza/core';

/** The options that are told: one that is undefined is as one that is absent, so that a default stands. */
export function told<T extends object>(options: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Refuses options that a reading of sound files does not have. */
export function checkReadOptions(options: object, others: readonly string[] = []): void {
  refuseUnknown('the reading of sound', options, ['channels', 'name', ...others]);
}

/** Refuses a word that is none of a few. */
export function assertOneOf(name: string, value: unknown, known: readonly unknown[]): void {
  if (!known.includes(value)) throw new ConfigError(expected(name, `one of ${known.join(', ')}`, value));
}

/** Refuses what is not an integer of a range. */
export function assertInteger(name: string, value: unknown, lowest: number, highest = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && (value as number) >= lowest && (value as number) <= highest) return;
  const range = highest === Number.MAX_SAFE_INTEGER ? `of at least ${lowest}` : `from ${lowest} to ${highest}`;
  throw new ConfigError(expected(name, `an integer ${range}`, value));
}

/** Refuses what is not a number of a range. */
export function assertNumber(name: string, value: unknown, lowest: number, highest = Infinity): void {
  if (typeof value === 'number' && Number.isFinite(value) && value >= lowest && value <= highest) return;
  const range = highest === Infinity ? `of at least ${lowest}` : `from ${lowest} to ${highest}`;
  throw new ConfigError(expected(name, `a number ${range}`, value));
}
