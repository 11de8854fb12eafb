import { expect, test } from 'vitest';
import {
  applyTemperature,
  banTokens,
  keepTopK,
  keepTopP,
  logSoftmax,
  greedySearch,
  sampleSearch,
  type Hypothesis,
  type SampleSearchOptions,
} from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';
import { allSequences, randomLogits, ToyModel, withoutLeaks, type NextLogits } from './toySearchModel.js';

const V = 4;
const startToken = 0;
const endToken = 3;

async function search(
  model: ToyModel,
  options: Partial<SampleSearchOptions> & Pick<SampleSearchOptions, 'maxLength'>,
): Promise<Hypothesis[][]> {
  return withoutLeaks(async () => {
    const start = model.start(options.sentences ?? 1);
    try {
      const base = { sentences: 1, startToken, endToken, random: new Random(1) };
      return await sampleSearch(model, start, { ...base, ...options });
    } finally {
      model.dispose(start);
    }
  });
}

/** Pearson's statistic of the drawn sequences against their exact probabilities. */
function chiSquared(drawn: readonly Hypothesis[], probabilities: ReadonlyMap<string, number>): number {
  const counts = new Map<string, number>();
  for (const { tokens } of drawn) counts.set(tokens.join(), (counts.get(tokens.join()) ?? 0) + 1);
  for (const key of counts.keys()) expect(probabilities.has(key)).toBe(true);
  return [...probabilities].reduce((sum, [key, probability]) => {
    const wanted = drawn.length * probability;
    return sum + ((counts.get(key) ?? 0) - wanted) ** 2 / wanted;
  }, 0);
}

// 1 + 3 sequences that end within one token, and 9 of two tokens, whose end is forced: 12 degrees of freedom, of whose chi-squared
// 32.91 is the 0.999 quantile. The seeds are fixed, so this cannot flake.
const LIMIT = 32.91;

/** The probability of each possible sequence of at most two tokens, whose end is forced after the second. */
function exact(next: NextLogits, change = (logits: Float32Array): Float32Array => logits): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const grow = (tokens: number[], probability: number): void => {
    if (probability === 0) return;
    if (tokens.length === 2) return void found.set(tokens.join(), probability);
    logSoftmax(change(next(0, [startToken, ...tokens]))).forEach((log, id) => {
      if (id !== endToken) return grow([...tokens, id], probability * Math.exp(log));
      if (log > -Infinity) found.set(tokens.join(), probability * Math.exp(log));
    });
  };
  grow([], 1);
  return found;
}

test.each([1, 2, 3])('sequences are drawn with the probabilities that the model gives them, seed %i', async (seed) => {
  const next = randomLogits(V, 6, 0.7);
  const options = { maxLength: 2, samples: 3000, random: new Random(seed) };
  const [drawn] = await search(new ToyModel(V, next), options);
  expect(chiSquared(drawn, exact(next))).toBeLessThan(LIMIT);
  // Temperature changes them, and the test would notice.
  const [hot] = await search(new ToyModel(V, next), { ...options, temperature: 1.3 });
  expect(chiSquared(hot, exact(next))).toBeGreaterThan(LIMIT);
  expect(
    chiSquared(
      hot,
      exact(next, (logits) => applyTemperature(logits, 1.3)),
    ),
  ).toBeLessThan(LIMIT);
});

test('a ban, then top-k, narrow what is drawn from', async () => {
  const next: NextLogits = (_, { length }) => Float32Array.of(1, 0.4, -0.5, 0.2 + 0.1 * length);
  const narrow = (logits: Float32Array): Float32Array => keepTopK(banTokens(logits, [0]), 2);
  const probabilities = exact(next, narrow);
  expect([...probabilities.keys()].sort()).toEqual(['', '1', '1,1']);
  const [drawn] = await search(new ToyModel(V, next), { maxLength: 2, samples: 3000, topK: 2, bannedTokens: [0] });
  expect(chiSquared(drawn, probabilities)).toBeLessThan(13.82); // 0.999 quantile, 2 degrees of freedom
});

test('top-p narrows what is drawn from', async () => {
  const next = randomLogits(V, 11, 0.5);
  const probabilities = exact(next, (logits) => keepTopP(logits, 0.75));
  expect(probabilities.size).toBeGreaterThan(3);
  expect(probabilities.size).toBeLessThan(13);
  const [drawn] = await search(new ToyModel(V, next), { maxLength: 2, samples: 3000, topP: 0.75 });
  expect(chiSquared(drawn, probabilities)).toBeLessThan(LIMIT);
});

test('log-probabilities are the model’s own, whatever narrowed the choice', async () => {
  const next = randomLogits(V, 9);
  const all = allSequences(next, 0, { startToken, endToken, maxLength: 3 });
  const [drawn] = await search(new ToyModel(V, next), { maxLength: 3, samples: 20, temperature: 2, topK: 3 });
  for (const { tokens, logProbability, tokenLogProbabilities } of drawn) {
    const same = all.find((sequence) => sequence.tokens.join() === tokens.join())!;
    expect(logProbability).toBeCloseTo(same.logProbability, 10);
    expect(tokenLogProbabilities.reduce((sum, log) => sum + log, 0)).toBe(logProbability);
  }
});

test('a sample is the same whatever the number of samples and sentences', async () => {
  const next = randomLogits(V, 2, 1);
  const options = { maxLength: 8, temperature: 1.5 };
  const run = async (sentences: number, samples: number, seed = 4) =>
    search(new ToyModel(V, next), { ...options, sentences, samples, random: new Random(seed) });
  const many = await run(3, 4);
  const few = await run(2, 2);
  expect(few).toEqual(many.slice(0, 2).map((samples) => samples.slice(0, 2)));
  expect(await run(3, 4)).toEqual(many);
  expect(await run(3, 4, 5)).not.toEqual(many);
});

test('a sentence with a generator of its own draws the same at every place of a batch', async () => {
  const next = randomLogits(V, 2, 1);
  const run = async (...seeds: number[]) =>
    search(new ToyModel(V, (_, tokens) => next(0, tokens)), {
      ...{ maxLength: 8, temperature: 1.5, sentences: seeds.length, samples: 2 },
      random: seeds.map((seed) => new Random(seed)),
    });
  const [first, second, third] = await run(1, 2, 3);
  expect(await run(3, 1)).toEqual([third, first]);
  expect(first).not.toEqual(second);
  await expect(search(new ToyModel(V, next), { maxLength: 2, random: [] })).rejects.toThrow(
    'Expected random to be a generator, or one for each of 1 sentences, got 0',
  );
});

test('at temperature 0 every sample is that of greedy search', async () => {
  const next = randomLogits(V, 3);
  const model = new ToyModel(V, next);
  const start = model.start(2);
  const greedy = await greedySearch(model, start, { sentences: 2, startToken, endToken, maxLength: 6 });
  model.dispose(start);
  const drawn = await search(new ToyModel(V, next), { sentences: 2, maxLength: 6, samples: 2, temperature: 0 });
  drawn.forEach((samples, sentence) =>
    samples.forEach((sample) => {
      expect(sample.tokens).toEqual(greedy[sentence].tokens);
      expect(sample.logProbability).toBeCloseTo(greedy[sentence].logProbability, 5); // greedy's is float32
    }),
  );
});

test('prefixes, least lengths and blocking hold for every sample', async () => {
  const options = { maxLength: 6, minLength: 3, samples: 50, noRepeatNgramSize: 2, prefixes: [[2, 1]] };
  const [drawn] = await search(new ToyModel(V, randomLogits(V, 7, 0.5)), options);
  for (const { tokens } of drawn) {
    expect(tokens.slice(0, 2)).toEqual([2, 1]);
    expect(tokens.length).toBeGreaterThanOrEqual(3);
    const pairs = tokens.slice(1).map((token, index) => `${tokens[index]} ${token}`);
    expect(new Set(pairs).size).toBe(pairs.length);
  }
  expect(new Set(drawn.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(5);
});

test('a repetition penalty breaks a loop', async () => {
  const loop: NextLogits = () => Float32Array.of(2, 1.8, 1.6, -9);
  const options = { maxLength: 4, temperature: 0, repetitionPenalty: 1.5, repetitionWindow: 2 };
  expect((await search(new ToyModel(V, loop), { ...options, repetitionPenalty: 1 }))[0][0].tokens).toEqual([
    0, 0, 0, 0,
  ]);
  expect((await search(new ToyModel(V, loop), options))[0][0].tokens).toEqual([0, 1, 2, 0]);
});

test('where nothing may follow the sample stays unfinished', async () => {
  const options = { maxLength: 9, minLength: 9, noRepeatNgramSize: 1, samples: 3 };
  const [drawn] = await search(new ToyModel(V, randomLogits(V, 7)), options);
  for (const { tokens, finished } of drawn) {
    expect(tokens.toSorted()).toEqual([0, 1, 2]);
    expect(finished).toBe(false);
  }
});

test('options of choosing are checked, and those of beams refused', async () => {
  const model = new ToyModel(V, randomLogits(V, 1));
  await expect(search(model, { maxLength: 2, topP: 0 })).rejects.toThrow(
    'Expected topP to be a number of (0, 1], got 0',
  );
  await expect(search(model, { maxLength: 2, samples: 0 })).rejects.toThrow(
    'Expected samples to be a positive integer, got 0',
  );
  await expect(search(model, { maxLength: 2, beamSize: 3 } as never)).rejects.toThrow(
    /Expected an option that sampleSearch knows, got beamSize/,
  );
  expect(model.calls).toEqual([]);
});
