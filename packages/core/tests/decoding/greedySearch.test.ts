import fc from 'fast-check';
import { expect, test } from 'vitest';
import { argmax, greedySearch, logSoftmax, type Hypothesis, type SearchOptions } from '../../src/decoding/index.js';
import { randomLogits, ToyModel, withoutLeaks, type NextLogits } from './toySearchModel.js';

const V = 5;
const startToken = 0;
const endToken = 4;

async function search(
  model: ToyModel,
  options: Partial<SearchOptions> & Pick<SearchOptions, 'maxLength'>,
): Promise<Hypothesis[]> {
  return withoutLeaks(async () => {
    const start = model.start(options.sentences ?? 1);
    try {
      return await greedySearch(model, start, { sentences: 1, startToken, endToken, ...options });
    } finally {
      model.dispose(start);
    }
  });
}

/** Greedy search as one says it. */
function plainGreedy(next: NextLogits, sentence: number, maxLength: number): { tokens: number[]; logs: number[] } {
  const tokens: number[] = [];
  const logs: number[] = [];
  for (;;) {
    const logits = next(sentence, [startToken, ...tokens]);
    const token = tokens.length === maxLength ? endToken : argmax(logits);
    logs.push(logSoftmax(logits)[token]);
    if (token === endToken) return { tokens, logs };
    tokens.push(token);
  }
}

test('the most likely token is taken every time, for each sentence of a batch', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 9 }), async (seed, maxLength) => {
      const next = randomLogits(V, seed);
      const found = await search(new ToyModel(V, next), { sentences: 3, maxLength });
      found.forEach((hypothesis, sentence) => {
        const { tokens, logs } = plainGreedy(next, sentence, maxLength);
        expect(hypothesis.tokens).toEqual(tokens);
        expect(hypothesis.finished).toBe(tokens.length < maxLength);
        expect(hypothesis.tokenLogProbabilities).toHaveLength(logs.length);
        // float32 beside float64
        logs.forEach((log, index) => expect(hypothesis.tokenLogProbabilities[index]).toBeCloseTo(log, 5));
      });
    }),
    { numRuns: 50 },
  );
});

test('only sentences that have not ended cost anything', async () => {
  const next: NextLogits = (sentence, { length }) => Float32Array.of(0, 1, 0, 0, length > 2 * sentence ? 9 : -9);
  const model = new ToyModel(V, next);
  const found = await search(model, { sentences: 3, maxLength: 20 });
  expect(found.map(({ tokens }) => tokens.length)).toEqual([0, 2, 4]);
  expect(model.calls.map(({ sentenceOfRow }) => Array.from(sentenceOfRow))).toEqual([
    [0, 1, 2],
    [1, 2],
    [1, 2],
    [2],
    [2],
  ]);
  expect(model.selections).toBe(2);
});

test('of equally likely tokens the lowest id is taken', async () => {
  const [{ tokens }] = await search(new ToyModel(V, () => Float32Array.of(0, 2, 2, 2, 2)), { maxLength: 2 });
  expect(tokens).toEqual([1, 1]);
});

test('bans, blocking, lengths and prefixes hold as in beam search', async () => {
  const loop: NextLogits = () => Float32Array.of(5, 4, 3, 2, 4.5);
  const found = async (options: Partial<SearchOptions>): Promise<number[]> =>
    (await search(new ToyModel(V, loop), { maxLength: 4, ...options }))[0].tokens;
  expect(await found({})).toEqual([0, 0, 0, 0]);
  expect(await found({ bannedTokens: [0] })).toEqual([]);
  expect(await found({ bannedTokens: [0], minLength: 2 })).toEqual([1, 1]);
  expect(await found({ noRepeatNgramSize: 1 })).toEqual([0]);
  expect(await found({ noRepeatNgramSize: 1, minLength: 3 })).toEqual([0, 1, 2]);
  expect(await found({ noRepeatNgramSize: 2, minLength: 4 })).toEqual([0, 0, 1, 0]);
  expect(await found({ prefixes: [[3, 1]], bannedTokens: [0, 1] })).toEqual([3, 1]);
});

test('where nothing may follow the sequence stays unfinished', async () => {
  const options = { maxLength: 9, minLength: 9, noRepeatNgramSize: 1 };
  const [{ tokens, finished, tokenLogProbabilities }] = await search(new ToyModel(V, randomLogits(V, 1)), options);
  expect(tokens.toSorted()).toEqual([0, 1, 2, 3]);
  expect(finished).toBe(false);
  expect(tokenLogProbabilities).toHaveLength(4);
});

test('an abort leaves no tensor behind', async () => {
  const controller = new AbortController();
  controller.abort(new Error('enough'));
  await expect(
    search(new ToyModel(V, randomLogits(V, 1)), { maxLength: 9, signal: controller.signal }),
  ).rejects.toThrow('enough');
});
