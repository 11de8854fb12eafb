import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  beamSearch,
  coveragePenalty,
  greedySearch,
  lengthPenalty,
  maximumLengths,
  type BeamSearchOptions,
} from '../../src/decoding/index.js';
import { blockedTokens } from '../../src/decoding/ngramBlocking.js';
import { randomLogits, ToyModel } from './toySearchModel.js';

const V = 4;
const base: BeamSearchOptions = { sentences: 2, startToken: 0, endToken: 3, maxLength: 5, beamSize: 2 };

describe('an option that cannot be honoured is refused before the first step', () => {
  test.each<[object, string]>([
    [{ sentences: -1 }, 'Expected sentences to be an integer of at least 0, got -1'],
    [{ startToken: 4 }, 'Expected startToken to be an id from 0 to 3, got 4'],
    [{ endToken: -1 }, 'Expected endToken to be an id from 0 to 3, got -1'],
    [{ maxLength: 0 }, 'Expected maxLength to be a positive integer, got 0'],
    [{ maxLength: [3] }, 'Expected maxLength to be a number, or one for each of 2 sentences, got "1 of them"'],
    [{ maxLength: undefined }, 'Expected maxLength to be a number, or one for each of 2 sentences, got undefined'],
    [{ minLength: 6 }, 'Expected minLength of sentence 0 to be at most its maxLength 5, got 6'],
    [{ minLength: [2, 1.5] }, 'Expected minLength of sentence 1 to be an integer of at least 0, got 1.5'],
    [{ bannedTokens: [7] }, 'Expected a banned token to be an id from 0 to 3, got 7'],
    [{ bannedTokens: [3] }, 'Expected bannedTokens to leave out the end token 3; no sentence could end'],
    [{ prefixes: [[1]] }, 'Expected the number of prefixes to be that of sentences, 2, got 1'],
    [{ prefixes: [[], [9]] }, 'Expected a token of prefix 1 to be an id from 0 to 3, got 9'],
    [{ prefixes: [[], [3]] }, 'Expected prefix 1 to be without the end token 3'],
    [
      { prefixes: [[1, 1, 1], []], maxLength: [2, 5] },
      'Expected the length of the prefix of sentence 0 to be at most its maxLength 2, got 3',
    ],
    [{ noRepeatNgramSize: 1.5 }, 'Expected noRepeatNgramSize to be an integer of at least 0, got 1.5'],
    [
      { lengthPenalty: { kind: 'gnmt', alpha: -1 } },
      'Expected the alpha of lengthPenalty to be a number of at least 0, got -1',
    ],
    [{ lengthPenalty: { kind: 'wu' } }, 'Expected the kind of lengthPenalty to be gnmt or average or none, got "wu"'],
    [
      { lengthPenalty: { kind: 'none', alpha: 1 } },
      'Expected alpha to be absent where the kind of lengthPenalty is none, got 1',
    ],
    [
      { lengthPenalty: { kind: 'gnmt', alfa: 1 } },
      'Expected an option that lengthPenalty knows, got alfa; did you mean alpha?',
    ],
    [{ coveragePenalty: -0.2 }, 'Expected coveragePenalty to be a number of at least 0, got -0.2'],
    [{ coveragePenalty: 0.2 }, 'Expected sourceLengths beside coveragePenalty, got none'],
    [{ returnAttention: 1 }, 'Expected returnAttention to be true or false, got 1'],
    [{ beamSize: 0 }, 'Expected beamSize to be a positive integer, got 0'],
    [{ nBest: 3 }, 'Expected nBest to be at most beamSize 2, got 3'],
    [{ stopping: 'early' }, 'Expected stopping to be exact or firstFinished or maxLength, got "early"'],
    [{ beamsize: 3 }, 'Expected an option that beamSearch knows, got beamsize; did you mean beamSize?'],
  ])('%o', async (options, message) => {
    const model = new ToyModel(V, randomLogits(V, 1));
    const start = model.start(2);
    await expect(beamSearch(model, start, { ...base, ...options })).rejects.toThrow(message);
    expect(model.calls).toEqual([]);
    model.dispose(start);
  });

  test('greedy search knows none of the options of beams', async () => {
    const model = new ToyModel(V, randomLogits(V, 1));
    const start = model.start(2);
    await expect(greedySearch(model, start, base)).rejects.toThrow(/option that greedySearch knows, got beamSize/);
    model.dispose(start);
  });

  test('source lengths beyond the attention are refused once it is there', async () => {
    const model = new ToyModel(V, randomLogits(V, 1), () => [0.5, 0.5]);
    const start = model.start(2);
    await expect(beamSearch(model, start, { ...base, coveragePenalty: 1, sourceLengths: [2, 3] })).rejects.toThrow(
      "Expected sourceLengths to be at most the attention's width 2, got 3",
    );
    model.dispose(start);
  });
});

test('the length penalty is that of GNMT, a power of the length, or none', () => {
  expect(lengthPenalty({ kind: 'gnmt', alpha: 0.6 }, 7)).toBeCloseTo(2 ** 0.6, 12);
  expect(lengthPenalty({ kind: 'gnmt' }, 1)).toBe(1);
  expect(lengthPenalty({ kind: 'average' }, 7)).toBe(7);
  expect(lengthPenalty({ kind: 'average', alpha: 2 }, 3)).toBe(9);
  expect(lengthPenalty({ kind: 'average' }, 0)).toBe(1);
  expect(lengthPenalty({ kind: 'none' }, 7)).toBe(1);
});

test('the coverage penalty sums the logarithms of what was covered, each position to 1 at most', () => {
  const attentions = [Float32Array.of(0.5, 0.25, 0.25, 9), Float32Array.of(0.75, 0.25, 0, 9)];
  expect(coveragePenalty(attentions, 3, 2)).toBeCloseTo(2 * (Math.log(1) + Math.log(0.5) + Math.log(0.25)), 12);
  expect(coveragePenalty(attentions, 1, 2)).toBe(0);
  expect(coveragePenalty([Float32Array.of(1, 0)], 2, 1)).toBeCloseTo(Math.log(1e-9), 12);
});

test('greatest lengths grow with the source', () => {
  expect(Array.from(maximumLengths([1, 5, 30]))).toEqual([12, 20, 70]);
  expect(Array.from(maximumLengths(Int32Array.of(3, 4), 0.5, 0))).toEqual([1, 2]);
  expect(Array.from(maximumLengths([2], 0, 0))).toEqual([1]);
});

test('blocked are exactly the tokens that would repeat an n-gram', () => {
  const history = fc.array(fc.nat({ max: 3 }), { maxLength: 12 });
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 4 }), (tokens, n) => {
      const grams = (all: number[]): string[] =>
        all.slice(0, Math.max(0, all.length - n + 1)).map((_, start) => all.slice(start, start + n).join());
      for (const next of [0, 1, 2, 3]) {
        const longer = grams([...tokens, next]);
        const repeats = longer.length > 0 && longer.indexOf(longer[longer.length - 1]) < longer.length - 1;
        expect(blockedTokens(tokens, n).has(next)).toBe(repeats);
      }
    }),
    { numRuns: 300 },
  );
});
