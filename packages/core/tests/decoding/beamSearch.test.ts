import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  beamSearch,
  coveragePenalty,
  greedySearch,
  lengthPenalty,
  logSoftmax,
  type BeamSearchOptions,
  type Hypothesis,
  type LengthPenalty,
} from '../../src/decoding/index.js';
import { allSequences, randomLogits, ToyModel, withoutLeaks, type NextLogits } from './toySearchModel.js';

const V = 4;
const startToken = 0;
const endToken = 3;
const seeds = fc.integer({ min: 0, max: 1e6 });
const penalties = fc.oneof(
  fc.record({
    kind: fc.constantFrom('gnmt' as const, 'average' as const),
    alpha: fc.double({ min: 0, max: 2, noNaN: true }),
  }),
  fc.constant<LengthPenalty>({ kind: 'none' }),
);

/** Beam search of a toy model, which leaves no tensor behind. */
async function search(
  model: ToyModel,
  options: Partial<BeamSearchOptions> & Pick<BeamSearchOptions, 'beamSize' | 'maxLength'>,
): Promise<Hypothesis[][]> {
  return withoutLeaks(async () => {
    const start = model.start(options.sentences ?? 1);
    try {
      return await beamSearch(model, start, { sentences: 1, startToken, endToken, ...options });
    } finally {
      model.dispose(start);
    }
  });
}

/** What exhaustive search gives, best first. */
function exhaustive(next: NextLogits, maxLength: number, penalty: LengthPenalty, sentence = 0) {
  return allSequences(next, sentence, { startToken, endToken, maxLength })
    .map((sequence) => ({
      ...sequence,
      score: sequence.logProbability / lengthPenalty(penalty, sequence.tokens.length + 1),
    }))
    .sort((a, b) => b.score - a.score);
}

describe('a beam that holds every prefix', () => {
  // 3 tokens that go on: at most 9 hypotheses of 4 extensions each before the last step, which only ends the 27 there are.
  const beamSize = 36;
  const maxLength = 3;

  test('finds the best sequences of all, under every length penalty', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, penalties, fc.integer({ min: 1, max: 8 }), async (seed, penalty, nBest) => {
        const next = randomLogits(V, seed);
        const [found] = await search(new ToyModel(V, next), { beamSize, maxLength, nBest, lengthPenalty: penalty });
        const best = exhaustive(next, maxLength, penalty);
        expect(found).toHaveLength(nBest);
        found.forEach((hypothesis, rank) => {
          const same = best.find(({ tokens }) => tokens.join() === hypothesis.tokens.join())!;
          // The search reads log-probabilities of float32, some 1e-7 apart from those of float64.
          expect(hypothesis.score).toBeCloseTo(best[rank].score, 5);
          expect(hypothesis.score).toBeCloseTo(same.score, 5);
          expect(hypothesis.logProbability).toBeCloseTo(same.logProbability, 5);
          expect(hypothesis.finished).toBe(hypothesis.tokens.length < maxLength); // the longest were made to end
        });
      }),
      { numRuns: 60 },
    );
  });

  test('finds the best under the coverage penalty too', async () => {
    const attend = (_: number, history: readonly number[]): number[] => {
      const weights = [1, 2, 3].map((place) => 1 + ((place * 7 + history.reduce((sum, id) => sum * 3 + id, 0)) % 5));
      const sum = weights.reduce((total, weight) => total + weight);
      return [...weights.map((weight) => weight / sum), 0]; // the last position is padding
    };
    await fc.assert(
      fc.asyncProperty(seeds, fc.double({ min: 0.1, max: 3, noNaN: true }), async (seed, beta) => {
        const next = randomLogits(V, seed);
        const penalty: LengthPenalty = { kind: 'gnmt', alpha: 0.7 };
        const options = { beamSize, maxLength, lengthPenalty: penalty, coveragePenalty: beta, sourceLengths: [3] };
        const [[best]] = await search(new ToyModel(V, next, attend), options);
        const scores = exhaustive(next, maxLength, penalty).map(({ tokens, score }) => {
          const history = [startToken, ...tokens];
          const attentions = history.map((_, index) => Float32Array.from(attend(0, history.slice(0, index + 1))));
          return { tokens, score: score + coveragePenalty(attentions, 3, beta) };
        });
        expect(best.score).toBeCloseTo(Math.max(...scores.map(({ score }) => score)), 5);
        expect(best.score).toBeCloseTo(scores.find(({ tokens }) => tokens.join() === best.tokens.join())!.score, 5);
      }),
      { numRuns: 40 },
    );
  });
});

/** Beam search to the end, as one says it: every extension of every hypothesis, sorted. */
function plainBeam(next: NextLogits, beamSize: number, nBest: number, maxLength: number, penalty: LengthPenalty) {
  let alive = [{ tokens: [] as number[], total: 0 }];
  const ended: { tokens: number[]; score: number }[] = [];
  for (let length = 0; length <= maxLength; length++) {
    const extensions = alive.flatMap(({ tokens, total }) =>
      Array.from(logSoftmax(next(0, [startToken, ...tokens])), (log, token) => ({
        tokens,
        token,
        total: total + Math.fround(log),
      })).filter(({ token }) => length < maxLength || token === endToken),
    );
    extensions.sort((a, b) => b.total - a.total);
    for (const { tokens, token, total } of extensions.slice(0, beamSize)) {
      if (token === endToken) ended.push({ tokens, score: total / lengthPenalty(penalty, length + 1) });
    }
    alive = extensions
      .filter(({ token }) => token !== endToken)
      .slice(0, beamSize)
      .map(({ tokens, token, total }) => ({ tokens: [...tokens, token], total }));
  }
  return ended.sort((a, b) => b.score - a.score).slice(0, nBest);
}

test('beams of any width are those of the plain algorithm', async () => {
  await fc.assert(
    fc.asyncProperty(
      ...([seeds, penalties, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })] as const),
      async (seed, lengthPenalty, a, b) => {
        const next = randomLogits(V, seed, 1);
        const [beamSize, nBest] = [Math.max(a, b), Math.min(a, b)];
        const [found] = await search(new ToyModel(V, next), { beamSize, nBest, maxLength: 5, lengthPenalty });
        const wanted = plainBeam(next, beamSize, nBest, 5, lengthPenalty);
        expect(found.map(({ tokens }) => tokens)).toEqual(wanted.map(({ tokens }) => tokens));
        found.forEach(({ score }, rank) => expect(score).toBeCloseTo(wanted[rank].score, 6)); // float32
      },
    ),
    { numRuns: 60 },
  );
});

test('wide beams, which look at the best extensions only, are those of the plain algorithm too', async () => {
  const size = 40;
  await fc.assert(
    fc.asyncProperty(seeds, penalties, fc.integer({ min: 9, max: 24 }), async (seed, lengthPenalty, beamSize) => {
      const next = randomLogits(size, seed, 1);
      const options = { beamSize, nBest: beamSize, maxLength: 4, lengthPenalty };
      const [found] = await search(new ToyModel(size, next), options);
      const wanted = plainBeam(next, beamSize, beamSize, 4, lengthPenalty);
      expect(found.map(({ tokens }) => tokens)).toEqual(wanted.map(({ tokens }) => tokens));
    }),
    { numRuns: 20 },
  );
});

test('a beam of one without a length penalty, or that stops with the first to end, is greedy search', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.integer({ min: 1, max: 6 }), penalties, async (seed, maxLength, lengthPenalty) => {
      const next = randomLogits(V, seed);
      const run = { sentences: 3, maxLength, beamSize: 1 };
      const model = new ToyModel(V, next);
      const start = model.start(3);
      const greedy = async (penalty: LengthPenalty): Promise<Hypothesis[][]> =>
        (
          await greedySearch(model, start, { sentences: 3, startToken, endToken, maxLength, lengthPenalty: penalty })
        ).map((hypothesis) => [hypothesis]);
      expect(await search(new ToyModel(V, next), run)).toEqual(await greedy({ kind: 'none' }));
      const first = { ...run, stopping: 'firstFinished' as const, lengthPenalty };
      expect(await search(new ToyModel(V, next), first)).toEqual(await greedy(lengthPenalty));
      model.dispose(start);
    }),
    { numRuns: 40 },
  );
});

test('no beam finds better than exhaustive search', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.integer({ min: 1, max: 5 }), penalties, async (seed, beamSize, lengthPenalty) => {
      const next = randomLogits(V, seed);
      const [[best]] = await search(new ToyModel(V, next), { beamSize, maxLength: 4, lengthPenalty });
      expect(best.score).toBeLessThanOrEqual(exhaustive(next, 4, lengthPenalty)[0].score + 1e-5);
    }),
    { numRuns: 40 },
  );
});

test('a wider beam never finds worse where the next token depends on the position alone', async () => {
  // There the K best prefixes of a length extend the K best of the length before, so that a narrow beam's are among a wide one's.
  // Where the next token depends on the history this holds for no search but the exhaustive one.
  await fc.assert(
    fc.asyncProperty(seeds, penalties, async (seed, lengthPenalty) => {
      const byHistory = randomLogits(V, seed);
      const next: NextLogits = (sentence, history) => byHistory(sentence, [history.length]);
      let before = -Infinity;
      for (const beamSize of [1, 2, 3, 5, 8]) {
        const [[best]] = await search(new ToyModel(V, next), { beamSize, maxLength: 5, lengthPenalty });
        expect(best.score).toBeGreaterThanOrEqual(before);
        before = best.score;
      }
    }),
    { numRuns: 30 },
  );
});

test('stopping early changes nothing of the result, and saves steps', async () => {
  let steps = 0;
  let stepsToTheEnd = 0;
  await fc.assert(
    fc.asyncProperty(
      ...([seeds, penalties, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })] as const),
      async (seed, lengthPenalty, a, b) => {
        const next = randomLogits(V, seed);
        const options = { beamSize: Math.max(a, b), nBest: Math.min(a, b), maxLength: 8, lengthPenalty };
        const [early, late] = [new ToyModel(V, next), new ToyModel(V, next)];
        const whole = await search(late, { ...options, stopping: 'maxLength' });
        expect(await search(early, options)).toEqual(whole);
        steps += early.calls.length;
        stepsToTheEnd += late.calls.length;
      },
    ),
    { numRuns: 60 },
  );
  expect(steps).toBeLessThan(0.8 * stepsToTheEnd);
});

test('stopping with the first to end may miss what a length penalty prefers', async () => {
  // Ending at once: p = 0.6; else 0.4, then surely two tokens more and the end.
  const next: NextLogits = (_, { length }) =>
    Float32Array.from(
      length === 1 ? [Math.log(0.4), -50, -50, Math.log(0.6)] : length < 4 ? [0, -50, -50, -50] : [-50, -50, -50, 0],
    );
  const options = { beamSize: 2, maxLength: 6, lengthPenalty: { kind: 'average' } as const };
  const [[exact]] = await search(new ToyModel(V, next), options);
  const [[first]] = await search(new ToyModel(V, next), { ...options, stopping: 'firstFinished' });
  expect(first.tokens).toEqual([]);
  expect(exact.tokens).toEqual([0, 0, 0]);
  expect(exact.score).toBeCloseTo(Math.log(0.4) / 4, 6);
});

test('the n best differ from one another and are sorted; their parts add up', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, penalties, fc.integer({ min: 1, max: 6 }), async (seed, penalty, beamSize) => {
      const model = new ToyModel(V, randomLogits(V, seed));
      const [found] = await search(model, { beamSize, nBest: beamSize, maxLength: 5, lengthPenalty: penalty });
      expect(new Set(found.map(({ tokens }) => tokens.join())).size).toBe(found.length);
      found.forEach(({ tokens, score, logProbability, tokenLogProbabilities, finished }, rank) => {
        expect(tokens).not.toContain(endToken);
        expect(finished).toBe(tokens.length < 5);
        expect(tokenLogProbabilities).toHaveLength(tokens.length + 1);
        expect(tokenLogProbabilities.reduce((sum, log) => sum + log, 0)).toBe(logProbability);
        expect(score).toBe(logProbability / lengthPenalty(penalty, tokens.length + 1));
        if (rank > 0) expect(score).toBeLessThanOrEqual(found[rank - 1].score);
      });
    }),
    { numRuns: 50 },
  );
});

test('equal hypotheses come in the order in which they were found: shorter first, then by token', async () => {
  const uniform: NextLogits = () => new Float32Array(V);
  const options = { beamSize: 4, nBest: 4, maxLength: 3, lengthPenalty: { kind: 'average' } as const };
  const [found] = await search(new ToyModel(V, uniform), { ...options, stopping: 'maxLength' });
  expect(found.map(({ tokens }) => tokens)).toEqual([[], [0], [0, 0], [0, 0, 0]]);
  expect(await search(new ToyModel(V, uniform), { ...options })).toEqual([found]);
});

test('a sentence has the same result alone as in any batch', async () => {
  const limits = [4, 1, 6];
  const prefixes = [[], [2], [1, 1]];
  await fc.assert(
    fc.asyncProperty(seeds, penalties, async (seed, lengthPenalty) => {
      const next = randomLogits(V, seed);
      const options = { beamSize: 3, nBest: 2, lengthPenalty, noRepeatNgramSize: 2 };
      const batch = { ...options, sentences: 3, maxLength: limits, minLength: [1, 0, 2], prefixes };
      const together = await search(new ToyModel(V, next), batch);
      for (const sentence of [0, 1, 2]) {
        const alone = new ToyModel(V, (_, history) => next(sentence, history));
        const own = { minLength: [1, 0, 2][sentence], prefixes: [prefixes[sentence]] };
        const [found] = await search(alone, { ...options, ...own, maxLength: limits[sentence] });
        expect(found).toEqual(together[sentence]);
      }
    }),
    { numRuns: 30 },
  );
});

test('sentences that are done leave the batch, and the rest keep K rows each', async () => {
  // Sentence i ends after i tokens.
  const next: NextLogits = (sentence, { length }) => Float32Array.from([0, -1, -2, length > sentence ? 20 : -20]);
  const model = new ToyModel(V, next);
  const found = await search(model, { sentences: 3, beamSize: 2, maxLength: 9 });
  expect(found.map(([best]) => best.tokens.length)).toEqual([0, 1, 2]);
  expect(model.calls.map(({ sentences }) => Array.from(sentences))).toEqual([[0, 1, 2], [1, 2], [2]]);
  expect(model.calls.map(({ rowsPerSentence }) => rowsPerSentence)).toEqual([1, 2, 2]);
});

test('no sentences are no work', async () => {
  expect(await search(new ToyModel(V, randomLogits(V, 1)), { sentences: 0, beamSize: 2, maxLength: 3 })).toEqual([]);
});

describe('what a hypothesis may hold', () => {
  test('blocking leaves no n-gram twice, whatever n and however long', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 4 }),
        async (seed, n, beamSize) => {
          const loop: NextLogits = (sentence, history) => {
            const logits = randomLogits(V, seed)(sentence, history.slice(-1));
            logits[endToken] = -3;
            return logits;
          };
          const options = { beamSize, nBest: beamSize, maxLength: 12, noRepeatNgramSize: n };
          const [found] = await search(new ToyModel(V, loop), options);
          expect(found.length).toBeGreaterThan(0);
          for (const { tokens } of found) {
            const grams = tokens.slice(n - 1).map((_, index) => tokens.slice(index, index + n).join());
            expect(new Set(grams).size).toBe(grams.length);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('banned tokens never come, and the probabilities of the others stay the model’s own', async () => {
    const next = randomLogits(V, 5);
    const [found] = await search(new ToyModel(V, next), { beamSize: 36, nBest: 4, maxLength: 3, bannedTokens: [0, 1] });
    const allowed = exhaustive(next, 3, { kind: 'none' }).filter(({ tokens }) => tokens.every((id) => id === 2));
    expect(found.map(({ tokens }) => tokens)).toEqual(allowed.map(({ tokens }) => tokens));
    found.forEach(({ score }, rank) => expect(score).toBeCloseTo(allowed[rank].score, 5));
  });

  test('no sentence ends before its least length, and none goes on beyond its greatest', async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 3 }),
        async (seed, least, more) => {
          const maxLength = Math.max(1, least + more);
          const options = { beamSize: 3, nBest: 3, minLength: least, maxLength };
          const [found] = await search(new ToyModel(V, randomLogits(V, seed)), options);
          for (const { tokens, finished } of found) {
            expect(tokens.length).toBeGreaterThanOrEqual(least);
            expect(tokens.length).toBeLessThanOrEqual(maxLength);
            expect(finished).toBe(tokens.length < maxLength);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('a prefix is kept, counted in the score, and may hold banned tokens', async () => {
    const next = randomLogits(V, 8);
    const options = { sentences: 2, beamSize: 36, maxLength: 3, bannedTokens: [1], prefixes: [[1, 2], []] };
    const found = await search(new ToyModel(V, next), options);
    const best = (sentence: number, fits: (tokens: number[]) => boolean) =>
      exhaustive(next, 3, { kind: 'none' }, sentence).find(({ tokens }) => fits(tokens))!;
    const forced = best(0, ([first, second, ...rest]) => first === 1 && second === 2 && !rest.includes(1));
    expect(found[0][0].tokens).toEqual(forced.tokens);
    expect(found[0][0].logProbability).toBeCloseTo(forced.logProbability, 5);
    expect(found[1][0].tokens).toEqual(best(1, (tokens) => !tokens.includes(1)).tokens);
  });

  test('a prefix of tokens that the model finds impossible is kept all the same', async () => {
    const impossible: NextLogits = () => Float32Array.of(-Infinity, 0, -1, -2);
    const options = { beamSize: 2, maxLength: 3, prefixes: [[0]] };
    const [[best]] = await search(new ToyModel(V, impossible), options);
    expect(best.tokens[0]).toBe(0);
    expect(best.logProbability).toBe(-Infinity);
  });

  test('where nothing may follow, what there is comes unfinished and without an end', async () => {
    const options = { beamSize: 2, nBest: 2, maxLength: 9, minLength: 9, noRepeatNgramSize: 1, bannedTokens: [0] };
    const [found] = await search(new ToyModel(V, randomLogits(V, 2)), options);
    expect(found.map(({ tokens }) => tokens.toSorted())).toEqual([
      [1, 2],
      [1, 2],
    ]);
    for (const { finished, tokenLogProbabilities } of found) {
      expect(finished).toBe(false);
      expect(tokenLogProbabilities).toHaveLength(2);
    }
  });
});

test('attention comes back in the order of the tokens, one row for each and one for the end', async () => {
  const attend = (_: number, history: readonly number[]): number[] => [history.at(-1)!, history.length, 7];
  const next = randomLogits(V, 12);
  const base = { beamSize: 3, nBest: 3, maxLength: 4, returnAttention: true };
  const [found] = await search(new ToyModel(V, next, attend), base);
  for (const { tokens, attention } of found) {
    const read = [startToken, ...tokens];
    expect(Array.from(attention!)).toEqual(read.flatMap((token, index) => [token, index + 1, 7]));
  }
  const [short] = await search(new ToyModel(V, next, attend), { ...base, sourceLengths: [2] });
  expect(short[0].attention).toEqual(found[0].attention!.filter((_, index) => index % 3 < 2));
  await expect(search(new ToyModel(V, next), base)).rejects.toThrow(
    'Expected a model that gives its attention, as returnAttention needs, got none',
  );
});

describe('a search that does not come to its end', () => {
  test('leaves no tensor behind when aborted, and gives the reason', async () => {
    const controller = new AbortController();
    const model = new ToyModel(V, (sentence, history) => {
      if (history.length === 3) controller.abort(new Error('enough'));
      return randomLogits(V, 3)(sentence, history);
    });
    const options = { beamSize: 3, maxLength: 20, minLength: 20, signal: controller.signal };
    await expect(search(model, options)).rejects.toThrow('enough');
    expect(model.calls).toHaveLength(3);
  });

  test.each(['step', 'select'] as const)('leaves no tensor behind when the %s of the model throws', async (method) => {
    const model = new ToyModel(V, randomLogits(V, 3));
    const own = model[method].bind(model) as (...parts: unknown[]) => never;
    let calls = 0;
    model[method] = (...parts: unknown[]) => {
      if (++calls === 3) throw new Error('broken');
      return own(...parts);
    };
    await expect(search(model, { beamSize: 3, maxLength: 20, minLength: 20 })).rejects.toThrow('broken');
  });

  test('leaves no tensor behind when logits are not numbers, or of a wrong shape', async () => {
    const bad = new ToyModel(V, (_, history) => new Float32Array(V).fill(history.length > 2 ? NaN : 0));
    await expect(search(bad, { beamSize: 2, maxLength: 9, minLength: 9 })).rejects.toThrow(
      'Expected logits to be numbers below infinity, got NaN',
    );
    const narrow = new ToyModel(V, () => new Float32Array(V - 1));
    await expect(search(narrow, { beamSize: 2, maxLength: 9 })).rejects.toThrow(
      'Expected logits to have shape [1, 4], got [1, 3]',
    );
  });
});

test('a long search lets the event loop have its turns', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const slow: NextLogits = (sentence, history) => {
    const until = performance.now() + 6;
    while (performance.now() < until);
    return randomLogits(V, 4)(sentence, history);
  };
  await search(new ToyModel(V, slow), { beamSize: 1, maxLength: 20, minLength: 20 });
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});

test('rows that did not move are not gathered', async () => {
  const model = new ToyModel(V, randomLogits(V, 3));
  await search(model, { beamSize: 1, maxLength: 6, minLength: 6 });
  expect(model.calls.length).toBe(7);
  expect(model.selections).toBe(0);
  expect(tf.memory().numTensors).toBe(0);
});
