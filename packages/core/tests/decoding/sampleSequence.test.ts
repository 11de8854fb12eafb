import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from 'vitest';
import {
  chooseToken,
  logSoftmax,
  sampleSequence,
  sampleSequences,
  type StepFunction,
} from '../../src/decoding/index.js';
import { Random } from '../../src/random.js';

const V = 6;

/** A model whose next token is, most likely, one more than the last; its state counts the tokens it has read. */
const counting: StepFunction<number> = (tokens, state) => ({
  logits: Array.from(tokens, (token) =>
    Float32Array.from({ length: V }, (_, id) => (id === (token + 1) % V ? 3 : id / 10)),
  ),
  state: state + 1,
});

const base = { prompt: [0], state: 0, maximumTokens: 8 };

test('at temperature 0 the most likely token is taken every time', async () => {
  const [sequence] = await sampleSequences(counting, { ...base, temperature: 0, random: new Random(1) });
  expect(sequence.tokens).toEqual([1, 2, 3, 4, 5, 0, 1, 2]);
  expect(sequence.end).toBe('length');
});

test('the log-probabilities are those of the model, whatever narrowed the choice', async () => {
  const [sequence] = await sampleSequences(counting, { ...base, topK: 1, temperature: 0.1, random: new Random(1) });
  const logits = Float32Array.from({ length: V }, (_, id) => (id === 1 ? 3 : id / 10));
  expect(sequence.logProbabilities[0]).toBeCloseTo(logSoftmax(logits)[1], 12);
});

test('the same seed gives the same tokens, another seed others', async () => {
  const draw = async (seed: number): Promise<number[]> =>
    (await sampleSequences(counting, { ...base, temperature: 3, maximumTokens: 40, random: new Random(seed) }))[0]
      .tokens;
  expect(await draw(5)).toEqual(await draw(5));
  expect(await draw(5)).not.toEqual(await draw(6));
});

test('a sample is the same whatever the number of samples and wherever the others end', async () => {
  const options = { ...base, temperature: 2, maximumTokens: 30 };
  const three = await sampleSequences(counting, { ...options, samples: 3, random: new Random(5) });
  const stopped = await sampleSequences(counting, {
    ...options,
    samples: 3,
    random: new Random(5),
    stop: (sample) => sample !== 1,
  });
  const [one] = await sampleSequences(counting, { ...options, random: new Random(5) });
  expect(three[0].tokens).toEqual(one.tokens);
  expect(stopped[1].tokens).toEqual(three[1].tokens);
  expect(stopped.map((sequence) => sequence.tokens.length)).toEqual([1, 30, 1]);
  expect(three[0].tokens).not.toEqual(three[1].tokens);
});

test('the prompt is read before the first token, and what the state has read is not read again', async () => {
  const read: number[] = [];
  const step: StepFunction<number> = (tokens, state) => {
    read.push(tokens[0]);
    return counting(tokens, state);
  };
  const options = { temperature: 0, state: 0, maximumTokens: 2, random: new Random(1) };
  await sampleSequences(step, { ...options, prompt: [4, 2, 3] });
  expect(read).toEqual([4, 2, 3, 4]);
  read.length = 0;
  await sampleSequences(step, { ...options, prompt: [4, 2, 3], read: 2 });
  expect(read).toEqual([3, 4]);
});

test('a sequence ends with a stop token, which it holds', async () => {
  const [sequence] = await sampleSequences(counting, {
    ...base,
    temperature: 0,
    stopTokens: [3],
    random: new Random(1),
  });
  expect(sequence).toMatchObject({ tokens: [1, 2, 3], end: 'stop' });
});

test('tokens come one by one, and whoever stops listening stops the model', async () => {
  let steps = 0;
  const step: StepFunction<number> = (tokens, state) => (steps++, counting(tokens, state));
  for await (const { token } of sampleSequence(step, {
    ...base,
    temperature: 0,
    maximumTokens: Infinity,
    random: new Random(1),
  })) {
    if (token === 4) break;
  }
  expect(steps).toBe(4);
});

test('an aborted signal ends the sequence', async () => {
  const controller = new AbortController();
  const stop = (): boolean => (controller.abort(), false);
  const [sequence] = await sampleSequences(counting, {
    ...base,
    signal: controller.signal,
    stop,
    random: new Random(1),
  });
  expect(sequence.tokens).toHaveLength(1);
  expect(sequence.end).toBe('aborted');
});

test('banned tokens never come, and a repetition penalty breaks a loop', async () => {
  const loop: StepFunction<null> = () => ({ logits: [Float32Array.of(2, 1.8, 1.6)], state: null });
  const options = { prompt: [0], state: null, maximumTokens: 6, temperature: 0 };
  const run = async (more: object): Promise<number[]> =>
    (await sampleSequences(loop, { ...options, ...more, random: new Random(1) }))[0].tokens;
  expect(await run({})).toEqual([0, 0, 0, 0, 0, 0]);
  expect(await run({ bannedTokens: [0] })).toEqual([1, 1, 1, 1, 1, 1]);
  expect(await run({ repetitionPenalty: 1.5, repetitionWindow: 2 })).toEqual([1, 2, 0, 1, 2, 0]);
  expect(await run({ repetitionPenalty: 1.5, repetitionWindow: 0 })).toEqual([0, 0, 0, 0, 0, 0]);
});

test('tensors are read and let go of, states too, even when the listener leaves', async () => {
  const before = tf.memory().numTensors;
  const state = tf.zeros([2, 1]);
  const step: StepFunction<tf.Tensor> = (tokens, last) => ({
    logits: tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(tokens, 'int32'), V), 'float32')),
    state: tf.add(last, 1),
  });
  const options = {
    prompt: [1, 2],
    state,
    samples: 2,
    maximumTokens: 5,
    random: new Random(1),
    disposeState: (old: tf.Tensor) => old.dispose(),
  };
  await sampleSequences(step, options);
  for await (const _ of sampleSequence(step, options)) break;
  expect(tf.memory().numTensors).toBe(before + 1);
  state.dispose();
});

test('the tensor of a step must have a row for each sample', async () => {
  const step: StepFunction<null> = () => ({ logits: tf.zeros([1, V]), state: null });
  const before = tf.memory().numTensors;
  await expect(sampleSequences(step, { ...base, state: null, samples: 2, random: new Random(1) })).rejects.toThrow(
    'Expected logits to have shape [2, V], got [1, 6]',
  );
  expect(tf.memory().numTensors).toBe(before);
});

test.each([
  [{ prompt: [] }, 'Expected prompt to have at least one token, got none'],
  [{ read: 1 }, 'Expected read to be an integer from 0 to 0, got 1'],
  [{ samples: 0 }, 'Expected samples to be a positive integer, got 0'],
  [{ maximumTokens: -1 }, 'Expected maximumTokens to be an integer of at least 0, got -1'],
  [{ temperature: -1 }, 'Expected temperature to be a number of at least 0, got -1'],
  [{ temperature: 1e-38 }, 'Expected temperature to be 0 or at least 0.000001, got 1e-38'],
  [{ topK: 0 }, 'Expected topK to be a positive integer, got 0'],
  [{ topP: 0 }, 'Expected topP to be a number of (0, 1], got 0'],
  [{ repetitionPenalty: 0.9 }, 'Expected repetitionPenalty to be a number of at least 1, got 0.9'],
  [{ repetitionWindow: 0.5 }, 'Expected repetitionWindow to be an integer of at least 0, got 0.5'],
])('an option out of range is refused before the first step: %#', async (options, message) => {
  const step: StepFunction<number> = () => expect.unreachable();
  await expect(sampleSequences(step, { ...base, ...options, random: new Random(1) })).rejects.toThrow(message);
});

test('an option that nobody knows is refused before the first step, naming the nearest', async () => {
  const step: StepFunction<number> = () => expect.unreachable();
  const options = { ...base, random: new Random(1), topk: 3 };
  await expect(sampleSequences(step, options)).rejects.toThrow(
    'Expected an option that sampleSequences knows, got topk; did you mean topK?',
  );
  await expect(sampleSequence(step, options).next()).rejects.toThrow('that sampleSequence knows, got topk');
});

test('greedy choice refuses logits among which there is nothing to choose', () => {
  const choose = (): unknown =>
    chooseToken(Float32Array.of(1, 2), [], { temperature: 0, bannedTokens: [0, 1] }, new Random(1));
  expect(choose).toThrow(/all are banned/);
});
