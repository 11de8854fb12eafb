import { fingerprintOf, type SentencePair } from '@cadenza/text';
import { resolveConfig, type Config } from '../src/config.js';
import { preparePairs, type PreparedPairs } from '../src/prepare.js';

/** Ten short pairs, whose two sides are of different lengths. */
export const tenPairs: SentencePair[] = [
  { source: 'one two', target: 'eins zwei' },
  { source: 'two three four', target: 'zwei drei vier' },
  { source: 'three', target: 'drei' },
  { source: 'four one one', target: 'vier eins eins' },
  { source: 'five four', target: 'fünf vier' },
  { source: 'six six six six', target: 'sechs sechs sechs sechs' },
  { source: 'two five', target: 'zwei fünf' },
  { source: 'three six one', target: 'drei sechs eins' },
  { source: 'one', target: 'eins' },
  { source: 'five three two one', target: 'fünf drei zwei eins' },
];

/** The smallest network that is worth training. */
export const small = [
  ...['merges=10', 'embeddingSize=8', 'encoder.units=6', 'decoder.units=8', 'batchTokens=24', 'epochs=500'],
  ...['maxSteps=10', 'validationSteps=5', 'logSteps=2', 'samples=1'],
];

export function smallConfig(...assignments: string[]): Config {
  return resolveConfig({ preset: 'tiny', assignments: [...small, ...assignments] });
}

export function prepared(config: Config, train = tenPairs, validation = tenPairs): PreparedPairs {
  const source = { kind: 'file' as const, path: 'test' };
  const dropped = { empty: 0, tooLong: 0, ratio: 0, identical: 0, duplicate: 0 };
  const described = { source, fingerprint: fingerprintOf(train), pairs: train.length };
  const description = { ...described, dropped, trained: train.length, validation: null };
  return preparePairs(
    { train, validation, test: null, languages: { source: 'en', target: 'de' }, description },
    config,
  );
}
