import { Random, RecurrentLanguageModel } from '@cadenza/core';
import { CharacterTokenizer, WordTokenizer } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { TextGenerator, type TextSession } from '../src/textGenerator.js';

beforeAll(() => tf.setBackend('cpu'));

const verse = 'abcdefgh ijk\n';

function newGenerator(text = verse): TextGenerator {
  const tokenizer = CharacterTokenizer.build(text);
  const model = new RecurrentLanguageModel(
    { vocabularySize: tokenizer.vocabulary.size, hiddenSize: 7, layers: 2 },
    new Random(5),
  );
  return new TextGenerator({ model, tokenizer });
}

async function written(session: TextSession): Promise<string> {
  let text = '';
  for await (const piece of session.write({ length: 30, seed: 9 })) text += piece;
  return text;
}

describe('TextGenerator.generate', () => {
  it('writes the same text for the same seed and another for another', async () => {
    const generator = newGenerator();
    const first = await generator.generate('abc', { length: 40, seed: 1 });
    expect(first).toHaveLength(40);
    expect(await generator.generate('abc', { length: 40, seed: 1 })).toBe(first);
    expect(await generator.generate('abc', { length: 40, seed: 2 })).not.toBe(first);
  });

  it('takes the likeliest character at temperature 0', async () => {
    const generator = newGenerator();
    const text = await generator.generate('abc', { length: 1, temperature: 0 });
    const { model, tokenizer } = generator;
    const likeliest = tf.tidy(() => {
      const ids = tf.tensor2d([...tokenizer.encode('\nabc')], [1, 4], 'int32');
      const { logits } = model.forward(ids, model.initialState(1));
      return tf.argMax(logits, 1).dataSync()[3];
    });
    expect(text).toBe(tokenizer.decode([likeliest]));
  });

  it('stops before a text it is to stop at', async () => {
    const generator = newGenerator();
    const whole = await generator.generate('abc', { length: 200, seed: 3 });
    const stop = whole.slice(100, 103);
    const cut = await generator.generate('abc', { length: 200, seed: 3, until: [stop] });
    expect(cut).toBe(whole.slice(0, whole.indexOf(stop)));
  });

  it('reads a prompt in one go as it reads it in pieces', async () => {
    const generator = newGenerator();
    const prompt = verse.repeat(60); // longer than what is read at a time
    const whole = generator.session();
    await whole.read(prompt);
    const pieces = generator.session();
    for (let start = 0; start < prompt.length; start += 7) await pieces.read(prompt.slice(start, start + 7));
    expect(await written(whole)).toBe(await written(pieces));
  });

  it('leaves a prompt out whose reading is aborted, and what was being read behind', async () => {
    const generator = newGenerator();
    const [aborted, other] = [generator.session(), generator.session()];
    for (const session of [aborted, other]) await session.read('abc');
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    await aborted.read(verse.repeat(2000), { signal: controller.signal });
    expect(controller.signal.aborted).toBe(true); // there was a turn of the event loop
    expect(tf.memory().numTensors).toBe(before);
    expect(await written(aborted)).toBe(await written(other));
  });

  it('refuses a prompt with characters that the model never saw, naming them, or skips them', async () => {
    const generator = newGenerator();
    await expect(generator.generate('abéc')).rejects.toThrow(/got 'é' U\+00E9, .*use { unknown: 'skip' }/);
    const skipped = await generator.generate('abéc', { length: 20, unknown: 'skip' });
    expect(skipped).toBe(await generator.generate('abc', { length: 20 }));
  });

  it('never writes the token for unknown words', async () => {
    const tokenizer = WordTokenizer.build('one two three one two one', { unknownToken: true, maximumSize: 3 });
    const model = new RecurrentLanguageModel(
      { vocabularySize: tokenizer.vocabulary.size, hiddenSize: 3 },
      new Random(5),
    );
    const text = await new TextGenerator({ model, tokenizer }).generate('', { length: 100 });
    expect(text).not.toContain('<unk>');
  });

  it('starts without a line end where the model knows none', async () => {
    expect(await newGenerator('abc').generate('', { length: 5 })).toHaveLength(5);
  });
});

describe('TextGenerator.score', () => {
  it('gives each character the log-probability that reading it one by one gives', () => {
    const { model, tokenizer } = newGenerator();
    const text = verse.repeat(30);
    const scores = new TextGenerator({ model, tokenizer }).score(text);
    expect(scores.map(({ token }) => token).join('')).toBe(text);
    let state = model.initialState(1);
    const ids = [...tokenizer.encode(`\n${text}`)];
    for (const [index, { logProbability }] of scores.slice(0, 300).entries()) {
      const { logits, state: next } = model.step(tf.tensor1d([ids[index]], 'int32'), state);
      // float32 sums in another order
      expect(logProbability).toBeCloseTo(tf.logSoftmax(logits).dataSync()[ids[index + 1]], 4);
      state = next;
    }
  });

  it('leaves the first character out where the model knows no line end', () => {
    expect(
      newGenerator('abc')
        .score('abc')
        .map(({ token }) => token),
    ).toEqual(['b', 'c']);
  });
});

describe('writing and scoring', () => {
  it('leave no tensors behind', async () => {
    const generator = newGenerator();
    const before = tf.memory().numTensors;
    await generator.generate('abc', { length: 20, until: ['a'] });
    generator.score(verse);
    for await (const _ of generator.stream('abc', { length: 20 })) break;
    for (const _ of generator.scorePieces(verse.repeat(30))) break;
    expect(tf.memory().numTensors).toBe(before);
  });
});
