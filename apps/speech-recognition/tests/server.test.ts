import { decodeAudio, encodeWav, resample } from '@cadenza/audio';
import { BusyError, SharedMemory } from '@cadenza/cli/server';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Recognizer } from '../src/recognizer.js';
import { speechApi } from '../src/server.js';
import { RATE, sing, smallConfig } from './tones.js';
import { untrained } from './untrained.js';

vi.mock(import('@cadenza/audio'), async (original) => {
  const audio = await original();
  return { ...audio, decodeAudio: vi.fn(audio.decodeAudio) };
});

const options = { about: { run: ['runs/x'] }, output: { say: () => {}, warn: () => {} } };
const causal = ['model.bidirectional=false', 'normalization=running'];
let recognizer: Recognizer;
let api: ReturnType<typeof speechApi>;

beforeAll(async () => {
  await tf.setBackend('cpu');
  recognizer = untrained(smallConfig());
  api = speechApi(recognizer, options);
});
afterAll(() => recognizer.dispose());

const song = sing('do re mi');
const wavOf = (samples: Float32Array, sampleRate = RATE) =>
  new Uint8Array(encodeWav(samples, { sampleRate, format: 'float32' }));
const wav = wavOf(song);

const post = (path: string, body: string | FormData | Uint8Array<ArrayBuffer>) =>
  api.request(path, { method: 'POST', body });
const failure = async (path: string, body: string | FormData | Uint8Array<ArrayBuffer> = wav) => {
  const response = await post(path, body);
  return { status: response.status, ...((await response.json()) as object) };
};

/** The objects of a stream's answer. */
async function heard(response: Response): Promise<Record<string, Record<string, unknown>>[]> {
  expect(response.headers.get('content-type')).toBe('application/x-ndjson');
  const lines = (await response.text()).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
}

describe('POST /transcribe', () => {
  it('writes down what the recogniser hears', async () => {
    const [transcript] = await recognizer.transcribe([song]);
    const answer = (await (await post('/transcribe?name=a', wav)).json()) as Record<string, unknown>;
    expect(answer).toMatchObject({ id: 'a', text: transcript.text, seconds: song.length / RATE });
    const text = await post('/transcribe?format=text', wav);
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await text.text()).toBe(`${transcript.text}\n`);
    expect(await (await post('/transcribe?format=vtt', wav)).text()).toMatch(/^WEBVTT\n/);
  });

  it('takes a form’s file, and sound of another rate', async () => {
    const form = new FormData();
    form.set('file', new File([wav], 'song.wav'));
    const whole = await (await post('/transcribe?format=text', wav)).text();
    expect(await (await post('/transcribe?format=text', form)).text()).toBe(whole);
    const faster = wavOf(resample(song, { from: RATE, to: 2 * RATE }), 2 * RATE);
    expect(await (await post('/transcribe', faster)).json()).toMatchObject({
      seconds: expect.closeTo(song.length / RATE, 2),
    });
  });

  it('answers recordings that come together each with its own', async () => {
    const before = tf.memory().numTensors;
    const songs = ['do', 're mi fa', 'mi'].map((text) => sing(text));
    const answers = await Promise.all(
      songs.map(async (samples) => (await post('/transcribe?format=text', wavOf(samples))).text()),
    );
    const alone = await recognizer.transcribe(songs);
    expect(answers).toEqual(alone.map(({ text }) => `${text}\n`));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('holds the bytes of a sound, then its samples instead, and is busy where others hold too much', async () => {
    const held: number[] = [];
    const release = vi.fn();
    const open = vi
      .spyOn(SharedMemory.prototype, 'open')
      .mockReturnValue({ hold: (bytes) => held.push(bytes), release });
    expect((await post('/transcribe', wav)).status).toBe(200);
    expect(held.slice(-2)).toEqual([wav.length, 4 * song.length]);
    const hold = (): never => {
      throw new BusyError('Expected less');
    };
    open.mockReturnValue({ hold, release });
    expect(await failure('/transcribe')).toEqual({ status: 503, error: 'Expected less' });
    expect(release).toHaveBeenCalledTimes(2);
    open.mockRestore();
  });

  it('gives n-best lists, greedy decoding and hot words where they are asked for', async () => {
    const answer = (await (await post('/transcribe?nBest=3&beam=5&hotWord=do&hotWord=re:3', wav)).json()) as {
      utterances: { hypotheses: object[] }[];
    };
    expect(answer.utterances[0].hypotheses.length).toBeGreaterThan(1);
    const [greedy] = await recognizer.transcribe([song], { method: 'greedy' });
    expect(await (await post('/transcribe?greedy=true', wav)).json()).toMatchObject({ text: greedy.text });
  });

  it('refuses what takes much more than its bytes', async () => {
    const form = new FormData();
    for (let n = 0; n < 101; n++) form.append('file', `${n}`);
    expect(await failure('/transcribe', form)).toEqual({
      ...{ status: 400, error: 'Expected a form of at most 100 parts, got more' },
    });
    const packed = { samples: [{ length: 13 * 3600 * RATE }], sampleRate: RATE }; // as silence may be, in few bytes
    vi.mocked(decodeAudio).mockResolvedValueOnce(packed as never);
    expect(await failure('/transcribe')).toEqual({
      ...{ status: 400, error: 'Expected a recording of at most 12 hours, got 13.0' },
    });
    const silence = Buffer.alloc(42); // FLAC whose header counts 50 hours at 16,000 Hz
    silence.write('fLaC');
    silence.set([0x80, 0, 0, 34], 4);
    silence.writeUInt32BE((16_000 << 12) | (15 << 4), 18);
    silence.writeUInt32BE(50 * 3600 * 16_000, 22);
    expect(await failure('/transcribe', new Uint8Array(silence))).toEqual({
      status: 400,
      error: 'Expected the body to have at most 691200000 samples in all its channels, got 2880000000',
    });
    expect(await failure('/transcribe?maxSeconds=601')).toMatchObject({
      ...{ status: 400, error: expect.stringMatching(/^Expected maxSeconds to be at most 600, got/) },
    });
  });

  it('refuses what is wrong in one line', async () => {
    expect(await failure('/transcribe', 'no sound at all, only text')).toMatchObject({
      ...{ status: 400, error: expect.stringContaining('the body') },
    });
    expect(await failure('/transcribe', wav.slice(0, 60))).toMatchObject({ status: 400 });
    expect(await failure('/transcribe', new FormData())).toMatchObject({ status: 400 });
    for (const type of ['multipart/form-data', 'Multipart/Form-Data; boundary=x']) {
      const headers = { 'content-type': type };
      const broken = await api.request('/transcribe', { method: 'POST', body: 'no form', headers });
      expect([broken.status, await broken.json()]).toEqual([
        400,
        { error: 'Expected the body to be a form as its content-type says, got other bytes' },
      ]);
    }
    // No content type at all, and so none of a form.
    const headers = { 'content-type': 'multipart/form-data sound' };
    const sound = await api.request('/transcribe', { method: 'POST', body: wav, headers });
    expect(sound.status).toBe(200);
    expect(await failure('/transcribe?beam=many')).toEqual({
      status: 400,
      error: 'Expected beam to be a number, got "many"',
    });
    expect(await failure('/transcribe?nBest=101')).toMatchObject({
      ...{ status: 400, error: expect.stringMatching(/^Expected nBest to be at most 100, got/) },
    });
    expect(await failure('/transcribe?format=mp3')).toMatchObject({ status: 400 });
    expect(await failure('/transcribe?beem=2')).toEqual({
      ...{ status: 400, error: 'Expected a known key, got "beem"; did you mean beam?' },
    });
    expect(await failure('/transcribe?greedy=true&beam=3')).toEqual({
      ...{ status: 400, error: 'Expected no beam with greedy decoding, which follows one path, got it' },
    });
    expect(await failure('/transcribe?words=true')).toMatchObject({ status: 400 });
    expect(await failure('/transcribe?hotWord=')).toEqual({
      ...{ status: 400, error: 'Expected a hot word to be a phrase, or a phrase:boost, got ""' },
    });
    expect(await failure('/transcribe?format=srt&nBest=2')).toMatchObject({ status: 400 });
    expect(await failure('/transcribe?maxSeconds=-1')).toMatchObject({
      status: 400,
      error: expect.stringMatching(/^Expected maxSeconds to be/),
    });
  });
});

describe('GET /', () => {
  it('is a page for the microphone and for files', async () => {
    const page = await (await api.request('/')).text();
    expect(page).toContain('<button type="button" name="record">');
    expect(page).toContain('<input type="file" name="file"');
  });
});

describe('POST /listen', () => {
  it('answers utterance by utterance, as the recogniser does', async () => {
    const pause = new Float32Array(RATE);
    const sound = Float32Array.from([...pause, ...song, ...pause, ...sing('fa'), ...pause]);
    const stream = recognizer.listen();
    const { finished } = await stream.push(sound);
    const expected = [...finished, ...(await stream.end())].map(({ text }) => text);
    const answer = await heard(await post('/listen', wavOf(sound)));
    expect(expected).toHaveLength(2);
    expect(answer.slice(0, -1).map(({ utterance }) => utterance.text)).toEqual(expected);
    expect(answer.at(-1)).toEqual({ end: { seconds: sound.length / RATE } });
  });

  it('tells what it hears so far, where the model can, of samples without a header', async () => {
    const streaming = untrained(smallConfig(...causal));
    const live = speechApi(streaming, options);
    const integers = Int16Array.from(song, (value) => 32767 * value);
    const body = new Uint8Array(integers.buffer);
    const response = await live.request(`/listen?raw=s16le&rate=${RATE}`, { method: 'POST', body });
    const answer = await heard(response);
    expect(answer.filter(({ partial }) => partial).length).toBeGreaterThan(1);
    expect(answer.filter(({ utterance }) => utterance)).toHaveLength(1);
    expect(await (await live.request('/health')).json()).toMatchObject({
      status: 'ok',
      streaming: true,
      sampleRate: RATE,
    });
    streaming.dispose();
  });

  it('gives up who sends nothing for a minute, whose place is then another’s', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const silent = () => {
        let sender: ReadableStreamDefaultController<Uint8Array>;
        const body = new ReadableStream<Uint8Array>({ start: (controller) => void (sender = controller) });
        const begun = api.request('/listen', { method: 'POST', body, duplex: 'half' } as RequestInit);
        return { begun: Promise.resolve(begun), send: (bytes: Uint8Array) => sender.enqueue(bytes) };
      };
      const clients = Array.from({ length: 64 }, silent);
      await Promise.all(clients.map(({ begun }) => begun));
      clients[0].send(wav.subarray(0, wav.length / 2));
      expect((await post('/listen', wav)).status).toBe(503);
      await vi.advanceTimersByTimeAsync(30_000);
      const answers = clients.map(async ({ begun }) => (await heard(await begun)).at(-1));
      await vi.advanceTimersByTimeAsync(31_000);
      for (const answer of await Promise.all(answers)) {
        expect(answer).toEqual({
          error: expect.stringMatching(/^Expected more of the body within 60 s, or its end, got \d+ bytes$/),
        });
      }
      expect((await heard(await post('/listen', wav))).at(-1)).toHaveProperty('end');
    } finally {
      vi.useRealTimers();
    }
  });

  it('writes down what came before sound breaks off, then says so', async () => {
    const sound = Float32Array.from([...new Float32Array(RATE / 2), ...song]);
    const whole = wavOf(sound);
    const longer = whole.slice();
    const data = Buffer.from(whole).indexOf('data');
    new DataView(longer.buffer).setUint32(data + 4, 100 * whole.length, true);
    new DataView(longer.buffer).setUint32(4, 100 * whole.length + data, true);
    const pieces = [longer.subarray(0, 1000), longer.subarray(1000)];
    const body = ReadableStream.from(
      (async function* () {
        for (const piece of pieces) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield piece;
        }
      })(),
    );
    const broken = api.request('/listen', { method: 'POST', body, duplex: 'half' } as RequestInit);
    const [answer, expected] = [await heard(await broken), await heard(await post('/listen', whole))];
    expect(expected.some(({ utterance }) => utterance)).toBe(true);
    expect(answer.slice(0, -1)).toEqual(expected.slice(0, -1));
    expect(answer.at(-1)).toEqual({ error: expect.stringMatching(/^Expected the body to have \d+ bytes of samples/) });
  });

  it('says what is wrong with a stream, and goes on to serve others', async () => {
    expect(await heard(await post('/listen', 'no sound'))).toEqual([
      { error: expect.stringMatching(/the body.*; samples without a header need raw$/) },
    ]);
    expect(await heard(await post('/listen', ''))).toHaveLength(1);
    expect(await failure('/listen?rate=8000')).toEqual({
      ...{ status: 400, error: 'Expected raw with rate and channels, got none' },
    });
    expect(await failure('/listen?raw=s16le&channels=65537')).toEqual({
      ...{ status: 400, error: 'Expected channels to be at most 256, got "65537"' },
    });
    expect((await heard(await post('/listen', wav))).at(-1)).toHaveProperty('end');
  });
});
