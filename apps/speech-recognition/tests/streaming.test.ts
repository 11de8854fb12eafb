import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { featureMatrix, resample, type FeatureMatrix } from '@cadenza/audio';
import { ConfigError, InputError, Random, type FrameScores } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { scoreFrames } from '../src/acoustics.js';
import { findUtterances } from '../src/endpointing.js';
import { FeaturePipeline } from '../src/features.js';
import type { Recognizer, Transcript, UtteranceTranscript } from '../src/recognizer.js';
import { learnVoices } from '../src/speakers.js';
import { FeatureChain } from '../src/streaming/featureChain.js';
import { ScoreStream } from '../src/streaming/scoreStream.js';
import type { StreamingRecognizer } from '../src/streaming/streamingRecognizer.js';
import { VoiceSpace } from '../src/voiceSpace.js';
import { RATE, sing, smallConfig } from './tones.js';
import { untrained } from './untrained.js';

beforeAll(async () => {
  await selectBackend('auto', { threads: 1 });
});

const opened: Recognizer[] = [];
afterEach(() => opened.splice(0).forEach((recognizer) => recognizer.dispose()));

const causal = ['model.bidirectional=false', 'normalization=running'];
const configs: [string, string[]][] = [
  ['an LSTM, normalised by the frames so far', ['model.layers=2']],
  ['a GRU, by the training part', ['cell=gru', 'normalization=training', 'stack=3', 'stride=2']],
  ['an RNN of bands as they are', ['cell=rnn', 'features.kind=filterbank', 'normalization=none', 'stride=3']],
  ['words of a closed vocabulary and an n-gram model', ['languageModel=word', 'vocabulary=closed', 'layerNorm=true']],
  ['the likeliest symbols alone', ['decoding.method=greedy', 'model.layers=2', 'residual=true']],
];

function open(assignments: readonly string[], seed = 1): Recognizer {
  const recognizer = untrained(smallConfig(...causal, ...assignments), seed);
  opened.push(recognizer);
  return recognizer;
}

/** The sound in pieces of random lengths, some of them empty, some of one sample. */
function* cut(sound: Float32Array, random: Random, longest: number): Generator<Float32Array> {
  for (let at = 0; at < sound.length;) {
    const length = random.next() < 0.2 ? random.integer(2) : random.integer(longest);
    yield sound.subarray(at, at + length);
    at += length;
  }
}

async function hear(stream: StreamingRecognizer, pieces: Iterable<Float32Array>): Promise<UtteranceTranscript[]> {
  const heard: UtteranceTranscript[] = [];
  for (const piece of pieces) heard.push(...(await stream.push(piece)).finished);
  return [...heard, ...(await stream.end())];
}

const song = sing('do re mi fa re do fa fa mi', new Random(3));
/** Two songs with a pause between them that ends an utterance. */
const pause = new Float32Array(RATE).map((_, n) => 0.002 * Math.sin(n * n));
const songs = joined(pause, sing('do re fa'), pause, sing('mi', new Random(5)), pause, pause, sing('fa re mi re'));

function joined(...parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

/** The same words and nearly the same numbers: sums of float32 in another order. */
function expectSame(found: Transcript, wanted: Transcript): void {
  expect(found.text).toBe(wanted.text);
  expect(found.words.map(({ word }) => word)).toEqual(wanted.words.map(({ word }) => word));
  found.words.forEach(({ start, end, confidence }, index) => {
    expect(start).toBeCloseTo(wanted.words[index].start, 9);
    expect(end).toBeCloseTo(wanted.words[index].end, 9);
    expect(confidence).toBeCloseTo(wanted.words[index].confidence, 3);
  });
  expect(found.hypotheses).toHaveLength(wanted.hypotheses.length);
  found.hypotheses.forEach(({ text, acoustic, language }, index) => {
    expect(text).toBe(wanted.hypotheses[index].text);
    expect(acoustic).toBeCloseTo(wanted.hypotheses[index].acoustic, 2);
    expect(language).toBeCloseTo(wanted.hypotheses[index].language, 6);
  });
}

describe('what a stream computes', () => {
  it.each(configs)('equals what the whole gives, for any pieces: %s', async (_, assignments) => {
    const { run, model } = open(assignments);
    const whole = run.pipeline.finish(run.pipeline.extract(song));
    const [wanted] = await scoreFrames(model, [whole]);
    for (const seed of [1, 2, 3]) {
      const { features, scores } = await computed(open(assignments), cut(song, new Random(seed), 500 * seed));
      expect(features.frames).toBe(whole.frames);
      expect(largestDifference(features.values, whole.values)).toBeLessThan(1e-5); // float32 of the same doubles
      // Products of other sizes are summed in other orders; the logits are some tens.
      expect(largestDifference(scores.logProbabilities, wanted.logProbabilities)).toBeLessThan(2e-4);
    }
  });
});

async function computed(
  { run, model }: Recognizer,
  pieces: Iterable<Float32Array>,
): Promise<{ features: FeatureMatrix; scores: FrameScores }> {
  const chain = new FeatureChain(run.pipeline);
  const stream = new ScoreStream(model);
  const features: number[] = [];
  const logProbabilities: number[] = [];
  const take = async (matrix: FeatureMatrix): Promise<void> => {
    if (matrix.frames === 0) return;
    features.push(...matrix.values);
    logProbabilities.push(...Array.from((await stream.push(matrix)).logProbabilities));
  };
  for (const piece of pieces) await take(chain.push(piece));
  for (const matrix of chain.end()) await take(matrix);
  stream.dispose();
  return {
    features: featureMatrix(Float32Array.from(features), run.pipeline.dimension),
    scores: { logProbabilities, symbolCount: model.config.classes },
  };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - b[index])), 0);
}

describe('Recognizer.stream', () => {
  it.each(configs)('hears what transcribe hears, for any pieces: %s', async (_, assignments) => {
    for (const seed of [1, 2, 3]) {
      const recognizer = open(assignments, seed);
      const options = recognizer.run.config.decoding.method === 'beam' ? { nBest: 3, beam: 6 } : {};
      const [wanted] = await recognizer.transcribe([song], options);
      expect(wanted.text).not.toBe('');
      const heard = await hear(recognizer.stream(options), cut(song, new Random(seed), 700 * seed));
      expect(heard).toHaveLength(1);
      expect(heard[0]).toMatchObject({ start: 0, end: song.length / RATE });
      expectSame(heard[0], wanted);
    }
  });

  it('resamples what comes at another rate, whatever the pieces', async () => {
    const recognizer = open([]);
    const sound = sing('re do mi', new Random(2), 11_025);
    const [wanted] = await recognizer.transcribe([resample(sound, { from: 11_025, to: RATE })]);
    const stream = recognizer.stream({ sampleRate: 11_025 });
    const [heard] = await hear(stream, cut(sound, new Random(1), 900));
    expectSame(heard, wanted);
  });

  it('hears each utterance as by itself, with the times of the whole', async () => {
    const recognizer = open(configs[0][1]);
    const spans = findUtterances(songs, RATE);
    expect(spans).toHaveLength(3);
    for (const stream of [recognizer.stream({ endpointing: true }), recognizer.listen()]) {
      const heard = await hear(stream, cut(songs, new Random(4), 3000));
      expect(heard.map(({ start, end }) => [start, end])).toEqual(
        spans.map(({ start, end }) => [start / RATE, end / RATE]),
      );
      for (const [index, { start, end }] of spans.entries()) {
        const [alone] = await recognizer.transcribe([songs.slice(start, end)]);
        const shifted = alone.words.map((word) => ({
          ...word,
          start: word.start + start / RATE,
          end: word.end + start / RATE,
        }));
        expectSame(heard[index], { ...alone, words: shifted });
      }
    }
  });

  it('says what it hears while an utterance goes on, with its time in the stream, and nothing in silence', async () => {
    const recognizer = open([]);
    const stream = recognizer.stream({ endpointing: true });
    const partials: (UtteranceTranscript | undefined)[] = [];
    const heard: UtteranceTranscript[] = [];
    for (let at = 0; at < songs.length; at += 800) {
      const { partial, finished } = await stream.push(songs.subarray(at, at + 800));
      partials.push(partial);
      heard.push(...finished);
    }
    expect(partials[3]).toBeUndefined(); // 0.4 s are silent still
    expect(partials.some((partial) => partial !== undefined && partial.text !== '')).toBe(true);
    heard.push(...(await stream.end()));
    for (const partial of partials) {
      const whole = heard.find(({ start }) => start === (partial ?? heard[0]).start)!;
      if (partial) expect(whole.end).toBeGreaterThanOrEqual(partial.end);
      for (const { start, end } of partial?.words ?? []) {
        expect(start).toBeGreaterThanOrEqual(partial!.start);
        expect(end).toBeLessThanOrEqual(partial!.end);
      }
    }
  });

  it('boosts hot words as transcribe does', async () => {
    const recognizer = open([]);
    const options = { hotWords: [{ phrase: 'fa mi', boost: 60 }] };
    const [heard] = await hear(recognizer.stream(options), cut(song, new Random(1), 400));
    expectSame(heard, (await recognizer.transcribe([song], options))[0]);
    expect(heard.text).toContain('fa mi');
  });

  it('serves calls that do not wait in their order, and is as new after its end', async () => {
    const recognizer = open([]);
    const stream = recognizer.stream();
    const pieces = [...cut(song, new Random(9), 900)];
    const [first] = await hear(stream, pieces);
    const pushes = pieces.map((piece) => stream.push(piece));
    const [second] = await stream.end();
    expect(second).toEqual(first);
    await Promise.all(pushes);
    expect(stream.seconds).toBe(0);
  });

  it.each([
    ['nothing', new Float32Array(0)],
    ['one sample', Float32Array.of(0.5)],
    ['silence', new Float32Array(3 * RATE)],
  ])('hears no utterance in %s with end-pointing, and one without', async (name, sound) => {
    const recognizer = open([]);
    expect(await hear(recognizer.stream({ endpointing: true }), [sound])).toEqual([]);
    const [whole, ...more] = await hear(recognizer.stream(), [sound]);
    expect(more).toEqual([]);
    expect(whole).toMatchObject({ start: 0, end: sound.length / RATE });
    if (name !== 'silence') expect(whole).toMatchObject({ text: '', words: [], confidence: 0 });
  });

  it('refuses samples that are no numbers with their place, takes none of them, and goes on', async () => {
    const recognizer = open([]);
    const stream = recognizer.stream();
    await stream.push(song.subarray(0, 1000));
    const bad = stream.push(Float32Array.of(0, NaN));
    await expect(bad).rejects.toThrow(InputError);
    await expect(bad).rejects.toThrow('Expected finite samples, got NaN at sample 1001');
    await stream.push(song.subarray(1000));
    expectSame((await stream.end())[0], (await recognizer.transcribe([song]))[0]);
  });

  it('keeps no tensor when it has ended or was disposed of', async () => {
    const recognizer = open(['model.layers=2']);
    const before = tf.memory().numTensors;
    await hear(recognizer.stream({ endpointing: true }), cut(songs, new Random(1), 2000));
    const left = recognizer.stream();
    await left.push(song);
    expect(tf.memory().numTensors).toBeGreaterThan(before);
    await left.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const pushed = left.push(song);
    await left.dispose();
    expect((await pushed).partial?.text).not.toBe('');
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    [['model.bidirectional=true'], 'model.bidirectional true'],
    [['features.normalization=utterance', 'features.deltas=1'], 'features.normalization utterance, features.deltas 1'],
    [['features.normalization=speaker'], 'features.normalization speaker'],
    [['task=classify', 'unit=word'], 'task classify'],
  ])('refuses a model that needs the end first: %j', (assignments, got) => {
    const recognizer = open(assignments);
    expect(() => recognizer.stream()).toThrow(ConfigError);
    expect(() => recognizer.stream()).toThrow(
      new RegExp(`Expected a model that hears without the end: .*; got ${got}$`),
    );
  });

  it('refuses a rate that is none', () => {
    const recognizer = open([]);
    expect(() => recognizer.stream({ sampleRate: -8000 })).toThrow(ConfigError);
  });
});

describe('Recognizer.listen', () => {
  it('serves a model of both directions and one of labels, utterance by utterance', async () => {
    for (const assignments of [
      ['model.bidirectional=true', 'normalization=utterance'],
      ['task=classify', 'unit=word'],
    ]) {
      const recognizer = open(assignments);
      const heard = await hear(recognizer.listen({ nBest: 2 }), cut(songs, new Random(7), 5000));
      const parts = findUtterances(songs, RATE).map(({ start, end }) => songs.slice(start, end));
      const alone = await recognizer.transcribe(parts, { nBest: 2 });
      expect(heard.map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
      expect(heard.map(({ hypotheses }) => hypotheses.length)).toEqual(
        alone.map(({ hypotheses }) => hypotheses.length),
      );
    }
  });
});

describe('a stream of voices', () => {
  it('is heard with the utterances before in it, and forgets them in the end', async () => {
    const config = smallConfig('normalization=speaker', 'model.bidirectional=true', 'cepstra=4');
    const pipeline = new FeaturePipeline({ ...config.features, normalization: 'none' });
    const frames = findUtterances(songs, RATE).map(({ start, end }) => pipeline.extract(songs.slice(start, end)));
    // In this space all are of one voice.
    const space = { mean: Array(8).fill(0), transform: Array(8).fill(Array(8).fill(0)), spread: Array(8).fill(0) };
    const voices = { ...learnVoices([{ frames: frames[0] }], pipeline.loudness), space: VoiceSpace.fromJSON(space) };
    const recognizer = untrained(config, 1, voices);
    opened.push(recognizer);
    const stream = recognizer.listen();
    const scoresOf = (heard: Transcript[]) => heard.map(({ text, hypotheses }) => [text, hypotheses[0].acoustic]);
    const first = await hear(stream, cut(songs, new Random(7), 5000));
    expect(first.length).toBe(3);
    const expected = await Promise.all(
      frames.map((each, index) => recognizer.transcribeFrames([each], { before: frames.slice(0, index) })),
    );
    expect(scoresOf(first)).toEqual(scoresOf(expected.flat()));
    const alone = await Promise.all(frames.map((each) => recognizer.transcribeFrames([each])));
    expect(scoresOf(first)[0]).toEqual(scoresOf(alone.flat())[0]);
    expect(scoresOf(first)[2]).not.toEqual(scoresOf(alone.flat())[2]);
    expect(scoresOf(await hear(stream, cut(songs, new Random(8), 5000)))).toEqual(scoresOf(first));
  });
});

describe('a long stream', () => {
  /** CADENZA_STREAM_HOURS=24 takes some minutes. */
  const hours = Number(process.env.CADENZA_STREAM_HOURS ?? 1);

  it.each([
    [hours, RATE],
    [hours / 10, 11_025],
  ])(
    'of %d hours at %d Hz leaves memory flat, and finds each utterance at its exact time',
    async (length, rate) => {
      const recognizer = open(['hiddenSize=4', 'bands=8', 'cepstra=4', 'stack=3', 'stride=3', 'beam=2']);
      const cycle = cycleOf(rate);
      const stream = recognizer.stream({ sampleRate: rate, endpointing: true });
      const cycles = Math.ceil((length * 3600 * rate) / cycle.length);
      const offsets = new Set<number>();
      const memory: { tensors: number; bytes: number }[] = [];
      let utterances = 0;
      for (let index = 0; index < cycles; index++) {
        for (let at = 0; at < cycle.length; at += rate) {
          for (const { start } of (await stream.push(cycle.subarray(at, at + rate))).finished) {
            utterances++;
            const sample = Math.round(start * RATE);
            expect(start).toBe(sample / RATE);
            offsets.add(sample - 10 * RATE * index);
          }
        }
        if (index % Math.ceil(cycles / 5) === 2) memory.push(await measured());
      }
      expect(await stream.end()).toEqual([]);
      expect(utterances).toBe(cycles);
      // Every cycle is the first one again, to the sample, however much came before.
      expect(offsets.size).toBe(1);
      const [first, last] = [memory[1], memory[memory.length - 1]];
      expect(last.tensors).toBe(first.tensors);
      expect(last.bytes - first.bytes).toBeLessThan(3e6); // a float64 for each frame of an hour alone would be 2.9 MB
    },
    3_600_000,
  );
});

/** Ten seconds with a song in them, at a place that is a whole number of frames. */
function cycleOf(rate: number): Float32Array {
  const random = new Random(2);
  const cycle = new Float32Array(10 * rate).map(() => 0.002 * random.normal());
  sing('do mi re', new Random(1), rate).forEach((value, n) => (cycle[4 * rate + n] += value));
  return cycle;
}

setFlagsFromString('--expose_gc');
const collectGarbage = runInNewContext('gc') as () => void;

async function measured(): Promise<{ tensors: number; bytes: number }> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10)); // what is swept beside the program is counted later
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { tensors: tf.memory().numTensors, bytes: heapUsed + arrayBuffers };
}
