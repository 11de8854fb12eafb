import { Random, RecurrentLanguageModel } from '@cadenza/core';
import { CharacterTokenizer } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { dynamicStreamLoss } from '../src/dynamicEvaluation.js';
import { parallelStreamLoss, streamLoss, windowedLoss } from '../src/evaluate.js';
import { protocolResult } from '../src/results.js';

const text = 'she sells sea shells on the sea shore; '.repeat(8);
const tokenizer = CharacterTokenizer.build(text);
const tokens = tokenizer.encode(text);
const newModel = (): RecurrentLanguageModel =>
  new RecurrentLanguageModel({ vocabularySize: tokenizer.vocabulary.size, hiddenSize: 6, layers: 2 }, new Random(3));

beforeAll(() => tf.setBackend('cpu'));

/** -log p of every token but the first, read one by one from a zero state, which is set back at the given places. */
function referenceNats(model: RecurrentLanguageModel, resetsAt: (index: number) => boolean): number {
  let nats = 0;
  let state = model.initialState(1);
  for (let index = 0; index < tokens.length - 1; index++) {
    if (resetsAt(index)) state = model.initialState(1);
    const result = model.step(tf.tensor1d([tokens[index]], 'int32'), state);
    const logProbabilities = tf.logSoftmax(result.logits).dataSync();
    nats -= logProbabilities[tokens[index + 1]];
    state = result.state;
  }
  return nats;
}

describe('streamLoss', () => {
  it('equals reading the text token by token with the state carried', async () => {
    const model = newModel();
    const { nats, predictions } = await streamLoss(model, tokens);
    expect(predictions).toBe(tokens.length - 1);
    // float32 log-probabilities, 300 of them added up
    expect(nats).toBeCloseTo(
      referenceNats(model, () => false),
      2,
    );
  });

  it('is nearly what parallel streams give, which predict as many tokens', async () => {
    const model = newModel();
    const stream = await streamLoss(model, tokens);
    const parallel = await parallelStreamLoss(model, tokens, { streams: 3 });
    expect(parallel.predictions).toBe(stream.predictions);
    expect(Math.abs(parallel.nats / stream.nats - 1)).toBeLessThan(0.01);
  });
});

describe('windowedLoss', () => {
  it('equals reading the text token by token with a zero state at each window', async () => {
    const model = newModel();
    for (const window of [7, 64, 1000]) {
      const { nats, predictions } = await windowedLoss(model, tokens, { window, rows: 4 });
      expect(predictions).toBe(tokens.length - 1);
      expect(nats).toBeCloseTo(
        referenceNats(model, (index) => index % window === 0),
        2,
      );
    }
  });
});

describe('dynamicStreamLoss', () => {
  it('reads a repetitive text better than the still model, and puts the weights back', async () => {
    const model = newModel();
    const before = [...model.parameters.values()].map((variable) => Array.from(variable.dataSync()));
    const still = await streamLoss(model, tokens);
    const dynamic = await dynamicStreamLoss(model, tokens, { statistics: tokens, rate: 0.01, segment: 8 });
    expect(dynamic.predictions).toBe(still.predictions);
    expect(dynamic.nats).toBeLessThan(0.98 * still.nats);
    expect([...model.parameters.values()].map((variable) => Array.from(variable.dataSync()))).toEqual(before);
  });

  it('refuses to go up the gradient, or away from the trained weights', async () => {
    for (const name of ['rate', 'decay']) {
      await expect(dynamicStreamLoss(newModel(), tokens, { statistics: tokens, [name]: -5 })).rejects.toThrow(
        `Expected ${name} to be a number of at least 0, got -5`,
      );
    }
  });

  it('reads nothing once it is aborted', async () => {
    const model = newModel();
    const loss = vi.spyOn(model, 'loss');
    await dynamicStreamLoss(model, tokens, { statistics: tokens, signal: AbortSignal.abort() });
    expect(loss).not.toHaveBeenCalled();
  });

  it('changes nothing at a rate of zero', async () => {
    const model = newModel();
    const still = await streamLoss(model, tokens);
    const dynamic = await dynamicStreamLoss(model, tokens, { statistics: tokens, rate: 0, segment: 8 });
    expect(dynamic.nats).toBeCloseTo(still.nats, 2);
  });
});

describe('reading a text', () => {
  it('leaves no tensors behind', async () => {
    const model = newModel();
    const before = tf.memory().numTensors;
    await streamLoss(model, tokens);
    await windowedLoss(model, tokens);
    await parallelStreamLoss(model, tokens, { streams: 4 });
    await dynamicStreamLoss(model, tokens, { statistics: tokens });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('protocolResult', () => {
  it('gives nats and bits per character and the perplexity', () => {
    const result = protocolResult({ nats: 4, predictions: 2 }, Int32Array.of(1, 1, 1));
    expect(result).toEqual({ nats_per_char: 2, bits_per_char: 2 / Math.LN2, perplexity: Math.exp(2) });
  });

  it('counts characters where tokens are words, and the perplexity of words', () => {
    const result = protocolResult({ nats: 6, predictions: 2 }, Int32Array.of(3, 6, 6));
    expect(result).toEqual({ nats_per_char: 0.5, bits_per_char: 0.5 / Math.LN2, perplexity: Math.exp(3) });
  });
});
