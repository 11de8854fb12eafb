import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { beamSearch, ensemble, logSoftmax, type EnsembleAverage, type SearchModel } from '../../src/decoding/index.js';
import { randomLogits, ToyModel, withoutLeaks, type NextLogits, type ToyState } from './toySearchModel.js';

const V = 5;
const options = { sentences: 2, startToken: 0, endToken: 4, maxLength: 5, beamSize: 3, nBest: 3 };
const averages: EnsembleAverage[] = ['probabilities', 'logProbabilities'];

async function search(models: ToyModel[], average?: EnsembleAverage, more: object = {}) {
  return withoutLeaks(async () => {
    const start = models.map((model) => model.start(2));
    try {
      return await beamSearch(ensemble(models, { average }), start, { ...options, ...more });
    } finally {
      models.forEach((model, index) => model.dispose(start[index]));
    }
  });
}

/** The logits of one step of an ensemble after the start token. */
async function firstLogits(next: NextLogits[], average?: EnsembleAverage): Promise<number[]> {
  return withoutLeaks(async () => {
    const models = next.map((one) => new ToyModel(V, one));
    const joined: SearchModel<ToyState[]> = ensemble(models, { average });
    const start = models.map((model) => model.start(1));
    const rows = {
      ...{ sentenceOfRow: Int32Array.of(0), sentences: Int32Array.of(0) },
      ...{ rowsPerSentence: 1, position: 0 },
    };
    const { logits, state } = joined.step(Int32Array.of(0), start, rows);
    const values = Array.from(logits.dataSync());
    logits.dispose();
    joined.dispose(state);
    joined.dispose(start);
    return values;
  });
}

test.each(averages)('two equal models are one, by %s', async (average) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
      const next = randomLogits(V, seed);
      const model = new ToyModel(V, next);
      const start = model.start(2);
      const one = await beamSearch(model, start, options);
      model.dispose(start);
      const two = await search([new ToyModel(V, next), new ToyModel(V, next)], average);
      two.forEach((hypotheses, sentence) =>
        hypotheses.forEach((hypothesis, rank) => {
          expect(hypothesis.tokens).toEqual(one[sentence][rank].tokens);
          expect(hypothesis.score).toBeCloseTo(one[sentence][rank].score, 5); // float32
        }),
      );
    }),
    { numRuns: 20 },
  );
});

test('probabilities are averaged unless told, log-probabilities where told', async () => {
  const next = [1, 2, 3].map((seed) => randomLogits(V, seed));
  const logs = next.map((one) => logSoftmax(one(0, [0])));
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value) / values.length;
  (await firstLogits(next)).forEach((value, id) =>
    expect(value).toBeCloseTo(Math.log(mean(logs.map((log) => Math.exp(log[id])))), 5),
  );
  (await firstLogits(next, 'logProbabilities')).forEach((value, id) =>
    expect(value).toBeCloseTo(mean(logs.map((log) => log[id])), 5),
  );
});

test('tokens that one member or all find impossible or all but so are no trouble', async () => {
  const next: NextLogits[] = [
    () => Float32Array.of(0, -Infinity, -Infinity, -200, 0),
    () => Float32Array.of(0, -Infinity, 0, -300, -Infinity),
  ];
  const two = Math.log(0.5);
  const values = await firstLogits(next);
  expect(values[1]).toBe(-Infinity);
  [two, -Infinity, 2 * two, -200 + 2 * two, 2 * two].forEach((value, id) => {
    if (id !== 1) expect(values[id]).toBeCloseTo(value, 4);
  });
  const strict = await firstLogits(next, 'logProbabilities');
  expect([strict[1], strict[2], strict[4]]).toEqual([-Infinity, -Infinity, -Infinity]);
  expect(strict[0]).toBeCloseTo(two, 5);
  expect(strict[3]).toBeCloseTo(-250 + two, 4);
});

test('its attention is the mean of all, and none where a member gives none', async () => {
  const next = randomLogits(V, 4);
  const first = new ToyModel(V, next, () => [1, 0, 0]);
  const second = new ToyModel(V, next, (_, { length }) => [0, length, 4]);
  const [[best]] = await search([first, second], 'probabilities', { returnAttention: true });
  expect(Array.from(best.attention!)).toEqual(
    Array.from(best.tokenLogProbabilities).flatMap((_, index) => [0.5, (index + 1) / 2, 2]),
  );
  const without = search([first, new ToyModel(V, next)], 'probabilities', { returnAttention: true });
  await expect(without).rejects.toThrow(
    'Expected a model that gives its attention, as returnAttention needs, got none',
  );
  const narrow = search([first, new ToyModel(V, next, () => [1, 0])]);
  await expect(narrow).rejects.toThrow(/attention of all models of an ensemble to have shape \[2,3\], got \[2,2\]/);
});

test.each(['step', 'select'] as const)('leaves no tensor behind when the second member’s %s throws', async (method) => {
  const models = [new ToyModel(V, randomLogits(V, 1)), new ToyModel(V, randomLogits(V, 2))];
  const own = models[1][method].bind(models[1]) as (...parts: unknown[]) => never;
  let calls = 0;
  models[1][method] = (...parts: unknown[]) => {
    if (++calls === 2) throw new Error('broken');
    return own(...parts);
  };
  await expect(search(models, 'probabilities', { minLength: 5 })).rejects.toThrow('broken');
  expect(tf.memory().numTensors).toBe(0);
});

test('models that do not go together are refused', async () => {
  const model = new ToyModel(V, randomLogits(V, 1));
  expect(() => ensemble([])).toThrow('Expected an ensemble of at least one model, got none');
  expect(() => ensemble([model, new ToyModel(V + 1, randomLogits(V + 1, 1))])).toThrow(
    'Expected the vocabularySize of every model of an ensemble to be that of the first, 5, got 6',
  );
  expect(() => ensemble([model], { average: 'probability' as never })).toThrow(/did you mean probabilities\?/);
  expect(() => ensemble([model], { averages: 'probabilities' } as never)).toThrow(
    'Expected an option that ensemble knows, got averages; did you mean average?',
  );
  const start = model.start(2);
  await expect(beamSearch(ensemble([model, model]), [start], options)).rejects.toThrow(
    'Expected the states of an ensemble to be 2, one a model, got 1',
  );
  model.dispose(start);
});
