import { Random, type BatchSource } from '@cadenza/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BucketBatches, IGNORED, TokenStreams, type ExampleBatch, type StreamBatch } from '../src/index.js';

const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, index) => index);

const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 7 }),
  steps: fc.integer({ min: 1, max: 9 }),
  length: fc.integer({ min: 10, max: 120 }),
  seed: fc.option(fc.nat(), { nil: undefined }),
});

test('an epoch predicts every token but the first exactly once, from the one before it', () => {
  fc.assert(
    fc.property(sizes, ({ rows, steps, length, seed }) => {
      const random = seed === undefined ? undefined : new Random(seed);
      const streams = new TokenStreams(counting(length), { rows, steps, random });
      for (let epoch = 0; epoch < 2; epoch++) {
        const targets: number[] = [];
        let predictions = 0;
        let batches = 0;
        for (const batch of streams.restOfEpoch()) {
          expect([batch.epoch, batch.first]).toEqual([epoch, batches === 0]);
          batch.targets.forEach((target, place) => {
            if (target === IGNORED) return;
            expect(batch.inputs[place]).toBe(target - 1);
            targets.push(target);
          });
          predictions += batch.predictions;
          batches++;
        }
        expect(targets.sort((a, b) => a - b)).toEqual(Array.from(counting(length)).slice(1));
        expect([predictions, batches]).toEqual([streams.predictions, streams.batchesPerEpoch]);
      }
    }),
  );
});

test('each row goes on where it stopped in the batch before', () => {
  const streams = new TokenStreams(counting(25), { rows: 2, steps: 5 });
  expect(Array.from(streams.next().inputs)).toEqual([0, 1, 2, 3, 4, 12, 13, 14, 15, 16]);
  expect(Array.from(streams.next().inputs)).toEqual([5, 6, 7, 8, 9, 17, 18, 19, 20, 21]);
  const last = streams.next();
  expect([last.steps, ...last.inputs]).toEqual([2, 10, 11, 22, 23]);
  expect(streams.next().first).toBe(true);
});

test('a row that ends one token earlier is ignored there', () => {
  const streams = new TokenStreams(counting(6), { rows: 2, steps: 4 });
  const batch = streams.next();
  expect(Array.from(batch.targets)).toEqual([1, 2, 3, 4, 5, IGNORED]);
  expect(batch.predictions).toBe(5);
});

test('dropping partial batches leaves whole ones only', () => {
  const streams = new TokenStreams(counting(30), { rows: 2, steps: 4, partial: 'drop' });
  const batches = [...streams.restOfEpoch()];
  expect(batches.map((batch) => batch.predictions)).toEqual([8, 8, 8]);
  expect(batches.every((batch) => !batch.targets.includes(IGNORED))).toBe(true);
  expect(streams.predictions).toBe(24);
});

test('a random offset moves the rows from epoch to epoch', () => {
  const streams = new TokenStreams(counting(100), { rows: 2, steps: 50, random: new Random(1) });
  const begins = Array.from({ length: 5 }, () => [...streams.restOfEpoch()][0].inputs[0]);
  expect(new Set(begins).size).toBeGreaterThan(3);
});

test('a restored cursor gives the very batches that would have come', () => {
  fc.assert(
    fc.property(sizes, fc.nat({ max: 40 }), ({ rows, steps, length, seed }, before) => {
      const make = (own: number): TokenStreams => {
        const random = seed === undefined ? undefined : new Random(own);
        return new TokenStreams(counting(length), { rows, steps, random });
      };
      const one = make(seed ?? 0);
      for (let batch = 0; batch < before; batch++) one.next();
      const other = make(12345);
      other.restore(JSON.parse(JSON.stringify(one.state())));
      for (let batch = 0; batch < 20; batch++) expect(other.next()).toEqual(one.next());
    }),
  );
});

test('a cursor of another text, and a text too short, are refused', () => {
  const streams = new TokenStreams(counting(20), { rows: 2, steps: 5 });
  expect(() => streams.restore({ epoch: 0, position: 99, offset: 0, random: null })).toThrow(/stream cursor/);
  expect(() => streams.restore({ epoch: 0, position: 0, offset: 0, random: [1, 2, 3, 4] })).toThrow(/absent/);
  expect(() => new TokenStreams(counting(8), { rows: 8, steps: 4 })).toThrow(
    'Expected a text of at least 9 tokens for 8 rows of 4 steps, got 8',
  );
  expect(() => new TokenStreams(counting(8), { rows: 2, steps: 4, partial: 'drop' })).toThrow(/at least 9 tokens/);
  expect(() => new TokenStreams(counting(8), { rows: 0, steps: 4 })).toThrow(/rows to be a positive integer, got 0/);
  expect(() => new TokenStreams(counting(8), { rows: 1, steps: 4, partial: 'pad' as 'keep' })).toThrow(/keep or drop/);
});

test('streams and bucket batches are sources that a trainer takes as they are', async () => {
  const streams = (): BatchSource<StreamBatch> => new TokenStreams(counting(50), { rows: 2, steps: 5 });
  const lengths = Array.from({ length: 9 }, (_, index) => ({ source: index + 1, target: index + 1 }));
  const buckets = (): BatchSource<ExampleBatch> => new BucketBatches(lengths, { maximumTokens: 12, seed: 1 });
  for (const make of [streams, buckets]) {
    const [one, other] = [make(), make()];
    await one.next();
    other.restore(JSON.parse(JSON.stringify(one.state())));
    expect(await other.next()).toEqual(await one.next());
  }
});
