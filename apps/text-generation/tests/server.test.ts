import { Random, RecurrentLanguageModel } from '@cadenza/core';
import { CharacterTokenizer } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { textApi } from '../src/server.js';
import { TextGenerator, TextSession } from '../src/textGenerator.js';

let generator: TextGenerator;
let api: ReturnType<typeof textApi>;

beforeAll(async () => {
  await tf.setBackend('cpu');
  const tokenizer = CharacterTokenizer.build('abcdefgh ijk\n');
  const sizes = { vocabularySize: tokenizer.vocabulary.size, hiddenSize: 7, layers: 2 };
  generator = new TextGenerator({ model: new RecurrentLanguageModel(sizes, new Random(5)), tokenizer });
  api = textApi(generator, { about: { run: 'runs/x' }, output: { say: () => {}, warn: () => {} } });
});
afterAll(() => generator.dispose());

const post = (path: string, body: object) => api.request(path, { method: 'POST', body: JSON.stringify(body) });
const ask = async (path: string, body: object) => {
  const response = await post(path, body);
  return { ...((await response.json()) as Record<string, unknown>), status: response.status } as Record<
    string,
    unknown
  >;
};

/** Server-sent events as [event, data]. */
function eventsOf(text: string): [string, Record<string, unknown>][] {
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const lines = block.split('\n');
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      return [field('event') ?? 'message', JSON.parse(field('data')!) as Record<string, unknown>];
    });
}

describe('POST /generate', () => {
  it('writes what the generator writes', async () => {
    const options = { length: 40, temperature: 0.7, topK: 5 };
    const texts = [3, 4].map(async (seed) => ({
      text: await generator.generate('abc', { ...options, seed }),
      stop: null,
    }));
    expect(await ask('/generate', { prompt: 'abc', ...options, seed: 3, number: 2 })).toEqual({
      ...{ status: 200, prompt: 'abc', seed: 3, texts: await Promise.all(texts) },
    });
  });

  it('goes on with seed 0 behind the greatest', async () => {
    const seed = Number.MAX_SAFE_INTEGER;
    const { texts } = await ask('/generate', { prompt: 'abc', length: 9, seed, number: 2 });
    const [{ text }] = (await ask('/generate', { prompt: 'abc', length: 9, seed: 0 })).texts as { text: string }[];
    expect((texts as { text: string }[])[1].text).toBe(text);
  });

  it('says which text it stopped before, and the seed it chose', async () => {
    const whole = await generator.generate('', { length: 200, seed: 3 });
    const stop = whole.slice(100, 103);
    const found = await ask('/generate', { length: 200, temperature: 1, seed: 3, until: [stop] });
    expect(found.texts).toEqual([{ text: whole.slice(0, whole.indexOf(stop)), stop }]);
    const first = await ask('/generate', { length: 30 });
    expect(await ask('/generate', { length: 30, seed: first.seed as number })).toEqual(first);
  });

  it('sends the text as it is written', async () => {
    const body = { prompt: 'abc', length: 60, seed: 7 };
    const { texts, seed } = await ask('/generate', body);
    const response = await post('/generate', { ...body, stream: true });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const events = eventsOf(await response.text());
    expect(events.at(-1)).toEqual(['done', { stop: null, seed }]);
    const pieces = events.slice(0, -1).map(([event, { text }]) => (event === 'message' ? text : event));
    expect(pieces.join('')).toBe((texts as { text: string }[])[0].text);
  });

  it('writes many texts at the same time, each its own, and leaves no tensors', async () => {
    const before = tf.memory().numTensors;
    const answers = await Promise.all([1, 2, 3, 4].map((seed) => ask('/generate', { prompt: 'a', length: 50, seed })));
    for (const [index, { texts }] of answers.entries()) {
      const text = await generator.generate('a', { length: 50, temperature: 0.8, seed: index + 1 });
      expect(texts).toEqual([{ text, stop: null }]);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops writing for who has gone', async () => {
    const ended = vi.spyOn(TextSession.prototype, 'dispose');
    const reader = (await post('/generate', { length: 1_000_000, stream: true })).body!.getReader();
    await reader.read();
    expect(ended).not.toHaveBeenCalled();
    await reader.cancel();
    await vi.waitUntil(() => ended.mock.calls.length > 0, 20_000);
    ended.mockRestore();
  });

  it('refuses what is wrong in one line, before an answer begins', async () => {
    const refused = (body: object) => ask('/generate', body);
    expect(await refused({ temperature: -1 })).toEqual({
      status: 400,
      error: 'Expected temperature to be at least 0, got -1',
    });
    expect(await refused({ topP: 0 })).toEqual({ status: 400, error: 'Expected topP to be more than 0, got 0' });
    expect(await refused({ temperature: 1e-9, stream: true })).toMatchObject({ status: 400 });
    expect(await refused({ prompt: 'xyz', stream: true })).toMatchObject({
      ...{ status: 400, error: expect.stringContaining('"unknown": "skip"') },
    });
    expect(await ask('/generate', { prompt: 'xayz', unknown: 'skip', length: 3 })).toMatchObject({ status: 200 });
    const stops = {
      status: 400,
      error: expect.stringMatching(/^Expected until to be a list of at most 100 texts of 1 to/),
    };
    for (const until of ['a', [''], [5], Array(101).fill('a'), ['a'.repeat(1001)], Array(300_000).fill('')]) {
      expect(await refused({ until })).toEqual(stops);
    }
    expect(await refused({ number: 100, length: 10_001 })).toEqual({
      ...{ status: 400, error: 'Expected number times length to be at most 1000000, got 1000100' },
    });
    expect(await refused({ number: 2, stream: true })).toEqual({
      ...{ status: 400, error: 'Expected number to be 1 with stream, got 2' },
    });
    expect(await refused({ lenght: 2 })).toEqual({
      ...{ status: 400, error: 'Expected a known key, got "lenght"; did you mean length?' },
    });
  });
});

describe('GET /', () => {
  it('is a page whose fields are those that its script reads', async () => {
    const page = await (await api.request('/')).text();
    const fields = [...page.matchAll(/<(?:input|button|textarea)[^>]* name="(\w+)"/g)].map(([, name]) => name).sort();
    expect(fields).toEqual(['most', 'prompt', 'temperature', 'write']);
    for (const name of fields) expect(page).toMatch(new RegExp(`\\b${name}\\b[^;]*\\} = form\\.elements`));
  });
});

describe('POST /score', () => {
  it('scores as the generator does', async () => {
    const tokens = generator.score('abcab');
    const logProbability = tokens.reduce((sum, token) => sum + token.logProbability, 0);
    expect(await ask('/score', { text: 'abcab' })).toEqual({ status: 200, logProbability, tokens });
    expect(await ask('/score', { text: '' })).toMatchObject({ status: 400 });
    expect(await ask('/score', { text: 'x' })).toMatchObject({ status: 400 });
  });

  it('scores no more together than the answers leave room for', async () => {
    const senders: ReadableStreamDefaultController<Uint8Array>[] = [];
    const unfinished = Array.from({ length: 8 }, async () => {
      const body = new ReadableStream<Uint8Array>({ start: (sender) => void senders.push(sender) });
      return api.request('/score', { method: 'POST', body, duplex: 'half' } as RequestInit);
    });
    for (const sender of senders) sender.enqueue(new Uint8Array(1 << 20));
    await new Promise(setImmediate);
    expect(await ask('/score', { text: 'abc' })).toMatchObject({ status: 503 });
    expect(await ask('/generate', { length: 3 })).toMatchObject({ status: 200 });
    for (const sender of senders) sender.close();
    for (const response of await Promise.all(unfinished)) expect(response.status).toBe(400);
    expect(await ask('/score', { text: 'abc' })).toMatchObject({ status: 200 });
  });

  it('refuses while as many write as may', async () => {
    const ended = vi.spyOn(TextSession.prototype, 'dispose');
    const open = Array.from({ length: 64 }, () => post('/generate', { length: 1_000_000, stream: true }));
    const writing = await Promise.all(open);
    expect(await ask('/score', { text: 'abc' })).toMatchObject({ status: 503 });
    await Promise.all(writing.map(({ body }) => body!.cancel()));
    await vi.waitUntil(() => ended.mock.calls.length === 64, 20_000);
    ended.mockRestore();
    await vi.waitUntil(async () => (await ask('/score', { text: 'abc' })).status === 200);
  });
});
