import { Random } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BucketBatches, bucketBatches, padBatch, type PairLengths } from '../src/index.js';

const side = fc.integer({ min: 1, max: 20 });
const corpora = fc.array(fc.record({ source: side, target: side }), { minLength: 1, maxLength: 60 });
const limits = fc.record({
  maximumTokens: fc.integer({ min: 20, max: 90 }),
  maximumSentences: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  poolSize: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
});

/** Examples whose lengths are drawn from 1 to 30 and differ a little from side to side. */
function corpus(count: number, seed = 7): PairLengths[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => {
    const source = 1 + random.integer(30);
    return { source, target: Math.max(1, source + random.integer(7) - 3) };
  });
}

test('an epoch holds every example once, within the limits, the longest source first', () => {
  fc.assert(
    fc.property(corpora, limits, fc.nat(), (lengths, options, seed) => {
      const batches = bucketBatches(lengths, options, new Random(seed));
      const examples = batches.flatMap((batch) => Array.from(batch));
      expect(examples.sort((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
      for (const batch of batches) {
        const sources = Array.from(batch, (index) => lengths[index].source);
        const targets = Array.from(batch, (index) => lengths[index].target);
        expect(sources).toEqual([...sources].sort((a, b) => b - a));
        expect(batch.length * Math.max(...sources, ...targets)).toBeLessThanOrEqual(options.maximumTokens);
        expect(batch.length).toBeLessThanOrEqual(options.maximumSentences ?? Infinity);
      }
    }),
  );
});

test('examples of similar length stand together, so that little is padding', () => {
  const lengths = corpus(2000);
  const batches = bucketBatches(lengths, { maximumTokens: 600 }, new Random(1));
  const share = (of: 'source' | 'target'): number => {
    const padded = batches.map((batch) => batch.length * Math.max(...Array.from(batch, (index) => lengths[index][of])));
    return lengths.reduce((sum, length) => sum + length[of], 0) / padded.reduce((sum, count) => sum + count);
  };
  expect(share('source')).toBeGreaterThan(0.95);
  expect(share('target')).toBeGreaterThan(0.8); // targets are up to 3 longer or shorter than their sources
});

test('a batch is as large as the limits allow', () => {
  const equal = Array.from({ length: 50 }, () => ({ source: 5, target: 4 }));
  const sizes = bucketBatches(equal, { maximumTokens: 60 }, new Random(1)).map((batch) => batch.length);
  expect(sizes.sort((a, b) => b - a)).toEqual([12, 12, 12, 12, 2]);
});

test('short and long batches come mixed, and pools make other batches than the whole corpus', () => {
  const lengths = corpus(500);
  const longest = (poolSize?: number): number[] =>
    bucketBatches(lengths, { maximumTokens: 100, poolSize }, new Random(1)).map((batch) => lengths[batch[0]].source);
  expect(longest()).not.toEqual(longest().sort((a, b) => b - a));
  expect(longest(50).length).toBeGreaterThan(longest().length);
});

test('epochs differ, and each depends on the seed and its number only', () => {
  const lengths = corpus(100);
  const epochs = (seed: number, from: number): number[][][] => {
    const batches = new BucketBatches(lengths, { maximumTokens: 100, seed });
    batches.restore({ epoch: from, index: 0 });
    return [0, 1].map(() => Array.from(batches.restOfEpoch(), ({ examples }) => Array.from(examples)));
  };
  const [first, second] = epochs(1, 0);
  expect(first).not.toEqual(second);
  expect(epochs(1, 1)[0]).toEqual(second);
  expect(epochs(2, 0)[0]).not.toEqual(first);
});

test('a restored cursor gives the very batches that would have come', () => {
  fc.assert(
    fc.property(corpora, limits, fc.nat(), fc.nat({ max: 40 }), (lengths, options, seed, before) => {
      const make = (): BucketBatches => new BucketBatches(lengths, { ...options, seed });
      const one = make();
      for (let batch = 0; batch < before; batch++) one.next();
      const other = make();
      other.restore(JSON.parse(JSON.stringify(one.state())));
      for (let batch = 0; batch < 10; batch++) expect(other.next()).toEqual(one.next());
    }),
  );
});

test('the rest of an epoch is counted from 0, and a finished epoch is followed by a whole one', () => {
  const batches = new BucketBatches(corpus(100), { maximumTokens: 100, seed: 1 });
  batches.next();
  const rest = [...batches.restOfEpoch()];
  expect(rest.map(({ index }) => index)).toEqual(Array.from({ length: batches.batchesPerEpoch - 1 }, (_, i) => i + 1));
  expect([...batches.restOfEpoch()][0]).toMatchObject({ epoch: 1, index: 0 });
});

test('lengths may change from epoch to epoch', () => {
  const asked: number[] = [];
  const lengths = (epoch: number): PairLengths[] => {
    asked.push(epoch);
    return Array.from({ length: 4 }, () => ({ source: 1 + epoch, target: 1 }));
  };
  const batches = new BucketBatches(lengths, { maximumTokens: 4, seed: 1 });
  const sizes = Array.from({ length: 4 }, () => batches.next().examples.length);
  expect(sizes).toEqual([4, 2, 2, 1]);
  expect(asked).toEqual([0, 1, 2]); // once each
});

test('sequences become rows of one array', () => {
  const { ids, lengths, rows, steps } = padBatch([Int32Array.of(5, 6, 7), [8], []]);
  expect([rows, steps]).toEqual([3, 3]);
  expect(Array.from(ids)).toEqual([5, 6, 7, 8, 0, 0, 0, 0, 0]);
  expect(Array.from(lengths)).toEqual([3, 1, 0]);
  expect(Array.from(padBatch([[1], [2, 3]], -1).ids)).toEqual([1, -1, 2, 3]);
});

test('what cannot be batched is refused', () => {
  const lengths = [
    { source: 3, target: 3 },
    { source: 9, target: 12 },
  ];
  const batch = (list: PairLengths[], maximumTokens: number): unknown =>
    bucketBatches(list, { maximumTokens }, new Random(1));
  expect(() => batch(lengths, 11)).toThrow(
    'Expected maximumTokens to be at least the longest side, 12 tokens in example 1, got 11',
  );
  expect(() => batch([{ source: 0, target: 1 }], 11)).toThrow(/lengths of example 0 to be positive integers/);
  expect(() => batch([], 11)).toThrow(/Expected examples to make batches of/);
  expect(() => batch(lengths, 0)).toThrow(/maximumTokens to be a positive integer, got 0/);
  expect(() => padBatch([])).toThrow(/at least one sequence/);
  const batches = new BucketBatches(lengths, { maximumTokens: 50, seed: 1, poolSize: 9 });
  expect(() => batches.restore({ epoch: 0, index: 2 })).toThrow(/one of 1 batches/);
  expect(() => batches.restore({ epoch: -1, index: 0 })).toThrow(/an epoch and an index/);
  expect(batches.state()).toEqual({ epoch: 0, index: 0 });
});
