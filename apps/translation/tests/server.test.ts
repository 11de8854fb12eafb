import { Random } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createModel } from '../src/model.js';
import { translationApi } from '../src/server.js';
import { Translator } from '../src/translator.js';
import { prepared, smallConfig, tenPairs } from './pairs.js';

const config = smallConfig();
const { codec } = prepared(config);
const sources = tenPairs.map(({ source }) => source);
let translator: Translator;
let api: ReturnType<typeof translationApi>;

beforeAll(async () => {
  await tf.setBackend('cpu');
  translator = new Translator({ codec, models: [createModel(config, codec, new Random(1))] });
  api = translationApi(translator, { about: { run: ['runs/x'] }, output: { say: () => {}, warn: () => {} } });
});
afterAll(() => translator.dispose());

interface Answer {
  status: number;
  error?: string;
  translations: { text: string; score: number; alignment?: string; hypotheses?: object[] }[];
}

async function translate(body: object): Promise<Answer> {
  const response = await api.request('/translate', { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, ...((await response.json()) as Omit<Answer, 'status'>) };
}

describe('the HTTP interface', () => {
  it('says what it translates', async () => {
    expect(await (await api.request('/health')).json()).toEqual({
      ...{ status: 'ok', source: 'en', target: 'de', run: ['runs/x'] },
    });
  });

  it('has a page to try it in a browser', async () => {
    const page = await (await api.request('/')).text();
    expect(page).toContain('<title>English to German</title>');
    expect(page).toContain('<textarea name="text"');
    expect(page).toContain("connect-src 'self'");
  });

  it('translates a text or a list of them as the translator does', async () => {
    const expected = await translator.translate(sources, { beam: 2 });
    const { translations, ...rest } = await translate({ text: sources, beam: 2 });
    expect(rest).toEqual({ status: 200, source: 'en', target: 'de' });
    expect(translations.map(({ text }) => text)).toEqual(expected.map(({ text }) => text));
    expect(translations[3].score).toBeCloseTo(expected[3].hypotheses[0].score, 5);
    expect((await translate({ text: sources[3], beam: 2 })).translations).toHaveLength(1);
  });

  it('answers requests that come together in one batch, each with its own', async () => {
    const before = tf.memory().numTensors;
    const calls = vi.spyOn(translator, 'translate');
    const answers = await Promise.all(sources.map((text) => translate({ text, beam: 2 })));
    expect(calls.mock.calls.length).toBeLessThanOrEqual(2);
    calls.mockRestore();
    const alone = await translator.translate(sources, { beam: 2 });
    expect(answers.map(({ translations }) => translations[0].text)).toEqual(alone.map(({ text }) => text));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps the lines of a text', async () => {
    const lines = await translate({ text: [sources[0], '', sources[1]], beam: 1 });
    const whole = await translate({ text: `${sources[0]}\r\n\n${sources[1]}`, beam: 1 });
    expect(whole.translations[0].text).toBe(lines.translations.map(({ text }) => text).join('\n'));
  });

  it('gives n-best lists and alignments where they are asked for', async () => {
    const { translations } = await translate({ text: ['one two', ''], beam: 3, nBest: 2, alignment: 'hard' });
    expect(translations[0].hypotheses).toHaveLength(2);
    expect(translations[0].alignment).toMatch(/^(\d+-\d+( |$))*$/);
    expect(translations[1]).toMatchObject({ text: '', alignment: '' });
  });

  it('chooses by minimum Bayes risk where that is asked for', async () => {
    const { translations } = await translate({ text: sources.slice(0, 2), mbr: 6, nBest: 2 });
    const direct = await translator.translate(sources.slice(0, 2), { mbr: 6, nBest: 2 });
    expect(translations.map(({ text }) => text)).toEqual(direct.map(({ text }) => text));
    expect(translations[0].hypotheses).toHaveLength(2);
  });

  it('draws the same by the same seed, whatever else is asked', async () => {
    const body = { text: sources.slice(0, 3), sample: { temperature: 1.5, seed: 3 }, maxLength: 6 };
    const [first, second] = await Promise.all([translate(body), translate(body)]);
    expect(first).toEqual(second);
    const direct = await translator.translate(body.text, { sample: { temperature: 1.5 }, seed: 3, maxLength: 6 });
    expect(first.translations.map(({ text }) => text)).toEqual(direct.map(({ text }) => text));
    expect(await translate({ ...body, sample: { temperature: 1.5, seed: 4 } })).not.toEqual(first);
  });

  it('names the field that wants attention of a network without', async () => {
    const plain = smallConfig('decoder.score=none');
    const models = [createModel(plain, codec, new Random(1))];
    const without = new Translator({ codec, models });
    const other = translationApi(without, { about: {}, output: { say: () => {}, warn: () => {} } });
    for (const field of [{ alignment: 'hard' }, { replaceUnknown: true }, { coveragePenalty: 0.2 }]) {
      const body = JSON.stringify({ text: 'one two', ...field });
      const response = await other.request('/translate', { method: 'POST', body });
      const error = `Expected a network with attention for ${Object.keys(field)[0]}, got one without`;
      expect([response.status, await response.json()]).toEqual([400, { error }]);
    }
    without.dispose();
  });

  it('refuses what is wrong in one line', async () => {
    const refused = async (body: object) => translate(body);
    expect(await refused({})).toEqual({
      status: 400,
      error: 'Expected text to be a text or a list of texts, got undefined',
    });
    expect(await refused({ text: ['a', 5] })).toMatchObject({ status: 400 });
    expect(await refused({ text: 'a', nBest: 6 })).toEqual({
      status: 400,
      error: 'Expected nBest to be at most beam 5, got 6',
    });
    expect(await refused({ text: 'a', beams: 3 })).toMatchObject({
      status: 400,
      error: 'Expected a known key, got "beams"; did you mean beam?',
    });
    expect(await refused({ text: 'a', beam: 101 })).toEqual({
      status: 400,
      error: 'Expected beam to be at most 100, got 101',
    });
    expect(await refused({ text: 'a', beam: 2, sample: {} })).toMatchObject({ status: 400 });
    expect(await refused({ text: 'a', minLength: 4, maxLength: 3 })).toMatchObject({ status: 400 });
    expect(await refused({ text: 'a', maxLength: 2 ** 31 })).toEqual({
      status: 400,
      error: 'Expected maxLength to be at most 10000, got 2147483648',
    });
    expect(await refused({ text: 'a', minLength: 10_001 })).toMatchObject({ status: 400 });
    expect(await refused({ text: '\n'.repeat(49_999), beam: 3, nBest: 3 })).toEqual({
      status: 400,
      error: 'Expected at most 100000 lines times nBest in a request, got 150000',
    });
    expect(await refused({ text: '\n'.repeat(49_999), mbr: 3 })).toEqual({
      status: 400,
      error: 'Expected at most 100000 lines times mbr in a request, got 150000',
    });
    expect(await refused({ text: 'a', mbr: 3, nBest: 4 })).toEqual({
      status: 400,
      error: 'Expected nBest to be at most mbr 3, got 4',
    });
    expect(await refused({ text: ['a', 'b\nc'], alignment: 'soft' })).toEqual({
      status: 400,
      error: 'Expected texts of one line with alignment, got 2 lines in text 1',
    });
  });
});
