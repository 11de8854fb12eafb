import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluationStream, evaluationWindows } from '../src/index.js';

const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, index) => index);

test('window i predicts text[s+1 .. s+256] from text[s .. s+255] with s = 256 i', () => {
  const [whole, rest] = [...evaluationWindows(counting(600))];
  expect([whole.rows, whole.steps]).toEqual([2, 256]);
  expect(whole.inputs[256]).toBe(256);
  expect(whole.targets[256]).toBe(257);
  expect([rest.rows, rest.steps, rest.inputs[0], rest.targets.at(-1)]).toEqual([1, 87, 512, 599]);
});

test.each([
  [
    'windows',
    (tokens: Int32Array, steps: number, rows: number) => evaluationWindows(tokens, { windowLength: steps, rows }),
  ],
  ['stream', (tokens: Int32Array, steps: number) => evaluationStream(tokens, steps)],
])('the %s predict every token but the first exactly once, from the one before', (_, batches) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 5 }),
      (length, steps, rows) => {
        const targets: number[] = [];
        let predictions = 0;
        for (const batch of batches(counting(length), steps, rows)) {
          targets.push(...batch.targets);
          predictions += batch.predictions;
          batch.targets.forEach((target, place) => expect(batch.inputs[place]).toBe(target - 1));
        }
        expect(targets).toEqual(Array.from(counting(length)).slice(1));
        expect(predictions).toBe(length - 1);
      },
    ),
  );
});

test('a text of one token has nothing to predict', () => {
  expect(() => [...evaluationWindows(counting(1))]).toThrow(
    'Expected a text of at least 2 tokens to predict from, got 1',
  );
  expect(() => [...evaluationStream(counting(5), 0)]).toThrow('Expected steps to be a positive integer, got 0');
});
