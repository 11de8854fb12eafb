import { Random, sentenceBleu } from '@cadenza/core';
import { EOS_ID } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { pairTensors } from '../src/batches.js';
import { inspectTranslations } from '../src/inspect.js';
import { heatMap, renderInspectPage } from '../src/inspectPage.js';
import { createModel } from '../src/model.js';
import { searchBatch } from '../src/search.js';
import { Translator } from '../src/translator.js';
import { prepared, smallConfig, tenPairs } from './pairs.js';

const config = smallConfig();
const { codec } = prepared(config);
const sources = tenPairs.map(({ source }) => source);
let one: Translator;
let two: Translator;

// Untrained models serve as well: what is asked here does not depend on what they say.
beforeAll(async () => {
  await tf.setBackend('cpu');
  const models = [1, 2].map((seed) => createModel(config, codec, new Random(seed)));
  one = new Translator({ codec, models: models.slice(0, 1) });
  two = new Translator({ codec, models });
});

describe('Translator', () => {
  it('gives each line its own translation whatever lines are beside it, and leaves no tensors', async () => {
    const before = tf.memory().numTensors;
    const options = { beam: 3, nBest: 2, alignment: true };
    const together = await one.translate(['', ...sources, '  '], options);
    expect([together[0].text, together.at(-1)!.text]).toEqual(['', '']);
    for (const [index, source] of sources.entries()) {
      const [alone] = await one.translate([source], options);
      expect(alone.text).toBe(together[index + 1].text);
      expect(alone.hypotheses).toHaveLength(2);
      expect(alone.hypotheses[0].score).toBeCloseTo(together[index + 1].hypotheses[0].score, 4);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('streams lines in order', async () => {
    const streamed: string[] = [];
    for await (const { text } of one.stream(sources, { beam: 2 })) streamed.push(text);
    expect(streamed).toEqual((await one.translate(sources, { beam: 2 })).map(({ text }) => text));
  });

  it('draws the same for a line whatever lines come with it', async () => {
    const options = { sample: { temperature: 1.5 }, seed: 7, nBest: 2, maxLength: 6 };
    const together = await one.translate(sources, options);
    const alone = await one.translate(sources.slice(3, 4), { ...options, firstLine: 3 });
    expect(alone[0].hypotheses.map(({ text }) => text)).toEqual(together[3].hypotheses.map(({ text }) => text));
    const streamed: string[] = [];
    for await (const { text } of one.stream(sources, options)) streamed.push(text);
    expect(streamed).toEqual(together.map(({ text }) => text));
    const [again, other] = await one.translate(['one two', 'one two'], options);
    expect(again.hypotheses).not.toEqual(other.hypotheses);
  });

  it('finds the log-probability that teacher forcing gives the same tokens', async () => {
    for (const { source } of tenPairs.slice(0, 4)) {
      const { ids } = codec.encode(source, 'source');
      const [[found]] = await searchBatch(one.models, [ids], { beam: 2, maxLength: 6 });
      const target = Int32Array.of(...found.tokens, EOS_ID);
      const forced = tf.tidy(
        () => one.models[0].logProbabilities(pairTensors([{ source: ids, target }])).dataSync()[0],
      );
      expect(found.logProbability).toBeCloseTo(forced, 3); // float32 sums in another order
    }
  });

  it('scores pairs at their places, and with the same model twice as with it once', () => {
    const scores = one.score(tenPairs);
    tenPairs.forEach((pair, index) => {
      expect(scores[index].tokens).toBe(codec.encode(pair.target, 'target').ids.length);
      expect(scores[index].logProbability).toBeCloseTo(one.score([pair])[0].logProbability, 3);
    });
    const twice = new Translator({ codec, models: [one.models[0], one.models[0]] }).score(tenPairs);
    twice.forEach(({ logProbability }, index) => expect(logProbability).toBeCloseTo(scores[index].logProbability, 3));
  });

  it('cuts long lines, and aligns their words by their places in the whole line', async () => {
    const long = 'one two three '.repeat(60).trim();
    const [{ sourceWords, hypotheses }] = await one.translate([long], { beam: 1, maxLength: 5, alignment: true });
    expect(sourceWords).toHaveLength(180);
    const { words, alignment } = hypotheses[0];
    expect(Math.max(...alignment!.map(({ source }) => source))).toBeGreaterThan(100);
    expect(Math.max(...alignment!.map(({ target }) => target))).toBe(words.length - 1);
  });

  it('averages the probabilities of an ensemble', () => {
    const [first] = one.score(tenPairs.slice(0, 1));
    const [second] = new Translator({ codec, models: two.models.slice(1) }).score(tenPairs.slice(0, 1));
    const [both] = two.score(tenPairs.slice(0, 1));
    const [least, most] = [first.logProbability, second.logProbability].sort((a, b) => a - b);
    expect(both.logProbability).toBeGreaterThan(least - 1e-3);
    expect(both.logProbability).toBeLessThan(most + 0.5);
  });

  it('writes at least as much as is told, however short the source is', async () => {
    const { ids } = codec.encode('one', 'source');
    const [[found]] = await searchBatch(one.models, [ids], { beam: 1, minLength: 30 });
    expect(found.tokens.length).toBeGreaterThanOrEqual(30);
    const [[most]] = await searchBatch(one.models, [ids], { beam: 1, minLength: 30, maxLength: 4 });
    expect(most.tokens).toHaveLength(4);
  });

  it('chooses of many translations the one that is most like the others, where it is told to', async () => {
    const [{ hypotheses: found }] = await one.translate(sources.slice(0, 1), { beam: 6, nBest: 6 });
    const [{ text, hypotheses: ranked }] = await one.translate(sources.slice(0, 1), { mbr: 6, nBest: 6 });
    expect(ranked.map((each) => each.text).sort()).toEqual(found.map((each) => each.text).sort());
    expect(ranked.map(({ score }) => score)).toEqual(ranked.map(({ score }) => score).sort((a, b) => b - a));
    const shares = found.map(({ score }) => Math.exp(2 * score));
    const total = shares.reduce((a, b) => a + b, 0);
    for (const { text: own, score } of ranked) {
      const expected = found.reduce((sum, other, index) => {
        const options = { smoothing: 'add-k', tokenize: 'none' } as const;
        return sum + (shares[index] / total) * sentenceBleu(own, other.text, options).score;
      }, 0);
      expect(score).toBeCloseTo(expected, 8);
    }
    expect(text).toBe(ranked[0].text);
    const [first, alone] = [
      await one.translate(sources, { mbr: 6 }),
      await one.translate(sources.slice(3, 4), { mbr: 6 }),
    ];
    expect(first[3].text).toBe(alone[0].text);
    expect(first[3].hypotheses).toHaveLength(1);
  });

  it('counts what was drawn alike, which likely translations are more often', async () => {
    const options = { sample: { temperature: 1 }, seed: 3, maxLength: 3, firstLine: 0 };
    const [drawn] = await one.translate(['one two'], { ...options, nBest: 8 });
    const [ranked] = await one.translate(['one two'], { ...options, mbr: 8, nBest: 8 });
    const texts = drawn.hypotheses.map((each) => each.text);
    for (const { text: own, score } of ranked.hypotheses) {
      const bleus = texts.map((text) => sentenceBleu(own, text, { smoothing: 'add-k', tokenize: 'none' }).score);
      expect(score).toBeCloseTo(bleus.reduce((a, b) => a + b, 0) / 8, 8);
    }
  });

  it('lists no translation twice, however often it was drawn', async () => {
    const options = { sample: { temperature: 0.3 }, mbr: 12, nBest: 6, maxLength: 2, seed: 3 };
    for (const { hypotheses } of await one.translate(sources, options)) {
      const texts = hypotheses.map(({ text }) => text);
      expect(new Set(texts).size).toBe(texts.length);
    }
  });

  it('keeps the white space around a line that is translated by sentences', async () => {
    const [alone, several] = await one.translate(['  one two. ', '  One two. Two three. '], { sentences: true });
    for (const { text } of [alone, several]) expect(text).toMatch(/^ {2}(\S.*)? $/);
  });

  it('takes lengths of any size, and refuses what it does not know', async () => {
    const line = sources.slice(0, 1);
    const of = async (options: object) =>
      (await one.translate(line, { beam: 1, noRepeatNgram: 1, ...options }))[0].text;
    expect(await of({ maxLength: 1e12 })).toBe(await of({ maxLength: 1000 }));
    expect(await of({ maxLength: 4, minLength: 3e9 })).toBe(await of({ maxLength: 4, minLength: 4 }));
    await expect(one.translate(['one'], { beem: 3 } as never)).rejects.toThrow('did you mean beam?');
    expect(() => Translator.open('runs/none', { averag: 3 } as never)).toThrow('did you mean average?');
  });

  it('refuses more translations than the beam is wide', async () => {
    await expect(one.translate(['one'], { beam: 2, nBest: 3 })).rejects.toThrow(
      'Expected nBest to be at most beam 2, got 3',
    );
    await expect(one.translate(['one'], { beam: 2, mbr: 3 })).rejects.toThrow(
      'Expected mbr to be at most beam 2, got 3',
    );
    await expect(one.translate(['one'], { mbr: 3, nBest: 4 })).rejects.toThrow(
      'Expected nBest to be at most mbr 3, got 4',
    );
    await expect(one.translate(['one'], { mbr: 0 })).rejects.toThrow('Expected mbr to be a positive integer, got 0');
    await expect(one.translate(['one'], { beam: 0 })).rejects.toThrow('Expected beam to be a positive integer, got 0');
  });
});

describe('inspectTranslations', () => {
  it('keeps the attention of each step, whose weights are a distribution, and ranks a test set', async () => {
    const inspection = await inspectTranslations(two, { lines: ['one two'], pairs: tenPairs, most: 3, beam: 2 });
    const [{ sourceTokens, targetTokens, weights, probabilities }] = inspection.maps;
    expect(weights).toHaveLength(sourceTokens.length * targetTokens.length);
    expect(probabilities).toHaveLength(targetTokens.length);
    for (let row = 0; row < targetTokens.length; row++) {
      const sum = weights.slice(row * sourceTokens.length, (row + 1) * sourceTokens.length).reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(1, 4);
    }
    expect(inspection.certain).toHaveLength(3);
    expect(inspection.certain[0].nats).toBeLessThan(inspection.uncertain[0].nats);
    const page = renderInspectPage(inspection, { title: 'A page', subtitle: 'of a test' });
    expect(page).toContain('The least certain');
    const map = heatMap(inspection.maps[0]).source;
    expect(map).toContain('&lt;eos&gt;');
    expect(map.match(/<th scope="col"/g)).toHaveLength(sourceTokens.length + 1); // the probability has a heading too
    expect(map).toContain('<span>probability</span>');
  });
});
