import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeSphinxFeatures, encodeWav, resample } from '@cadenza/audio';
import { InputError, Random } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recording } from '../src/corpora.js';
import { findUtterances } from '../src/endpointing.js';
import { FeaturePipeline } from '../src/features.js';
import { learnVoices } from '../src/speakers.js';
import { transcribeRecordings, type RecordingResult, type TranscribeOptions } from '../src/transcribeRecordings.js';
import { RATE, sing, smallConfig, tenTexts } from './tones.js';
import { untrained } from './untrained.js';

const folder = mkdtempSync(join(tmpdir(), 'cadenza-recordings-'));
beforeAll(async () => {
  await selectBackend('auto', { threads: 1 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A recording of a song as 16 bits, and the samples that are read from it. */
function recording(name: string, samples: Float32Array, sampleRate = RATE): Recording & { samples: Float32Array } {
  const audioPath = join(folder, name);
  writeFileSync(audioPath, encodeWav(samples, { sampleRate }));
  return { id: name, audioPath, samples: samples.map((value) => Math.round(value * 32768) / 32768) };
}

async function all<R extends Recording>(
  recordings: readonly R[],
  options?: TranscribeOptions,
  recognizer = untrained(smallConfig()),
): Promise<RecordingResult<R>[]> {
  const before = tf.memory().numTensors;
  const results: RecordingResult<R>[] = [];
  for await (const result of transcribeRecordings(recognizer, recordings, options)) results.push(result);
  expect(tf.memory().numTensors).toBe(before);
  return results;
}

const songs = tenTexts.map((text, index) => recording(`${index}.wav`, sing(text, new Random(index))));

function textsOf(results: readonly RecordingResult<Recording>[]): string[] {
  return results.map((result) =>
    'error' in result ? 'error' : result.transcript.utterances.map(({ text }) => text).join(' | '),
  );
}

describe('transcribeRecordings', () => {
  it('gives the same transcripts in the same order, whatever the batches', async () => {
    const recognizer = untrained(smallConfig());
    const alone: string[] = [];
    for (const { samples } of songs) alone.push((await recognizer.transcribe([samples]))[0].text);
    expect(new Set(alone).size).toBeGreaterThan(5);
    for (const batchSeconds of [0.1, 2, 600]) expect(textsOf(await all(songs, { batchSeconds }))).toEqual(alone);
  });

  it('puts what is wrong with a recording in its place', async () => {
    const broken = { id: 'broken', audioPath: join(folder, 'broken.wav') };
    writeFileSync(broken.audioPath, 'RIFF');
    const made = { id: 'made', featurePath: join(folder, 'made.mfc') };
    const late = { ...songs[2], id: 'late', offset: 100 };
    const results = await all([songs[0], broken, made, late, songs[1]], { batchSeconds: 0.6 });
    expect(results.map(({ recording: { id } }) => id)).toEqual(['0.wav', 'broken', 'made', 'late', '1.wav']);
    const errors = results.map((result) => ('error' in result ? result.error : undefined));
    expect(errors.map((error) => error instanceof InputError)).toEqual([false, true, true, true, false]);
    expect(errors[2]!.message).toMatch(/Expected features\.kind sphinx for files of features, got mfcc/);
  });

  it('reads features made before, which it never cuts', async () => {
    const recognizer = untrained(smallConfig('features.kind=sphinx'));
    const frames = recognizer.run.pipeline.extract(songs[5].samples);
    const made = { id: 'made', featurePath: join(folder, 'song.mfc') };
    writeFileSync(made.featurePath, encodeSphinxFeatures(frames));
    const endpointing = { maximumUtterance: 0.5 };
    const [result] = await all([made], { endpointing }, recognizer);
    const [wanted] = await recognizer.transcribe([songs[5].samples]);
    if ('error' in result) throw result.error;
    expect(result.transcript.utterances).toHaveLength(1);
    expect(result.transcript.utterances[0].text).toBe(wanted.text);
    expect(result.transcript.seconds).toBeCloseTo(songs[5].samples.length / RATE, 1);
  });

  it('cuts what is too long where the end-pointing says, and nothing else', async () => {
    const pause = new Float32Array(RATE);
    const parts = [pause, songs[5].samples, pause, songs[1].samples, pause];
    const long = recording('long.wav', Float32Array.from(parts.flatMap((part) => Array.from(part))));
    const endpointing = { maximumUtterance: 2 };
    const [short, cut] = await all([songs[5], long], { endpointing });
    const spans = findUtterances(long.samples, RATE, endpointing);
    expect(spans.length).toBeGreaterThanOrEqual(2);
    const recognizer = untrained(smallConfig());
    const alone = await recognizer.transcribe(spans.map(({ start, end }) => long.samples.slice(start, end)));
    expect(textsOf([cut])).toEqual([alone.map(({ text }) => text).join(' | ')]);
    if ('error' in short || 'error' in cut) throw new Error('Expected transcripts');
    expect(short.transcript.utterances).toHaveLength(1);
    cut.transcript.utterances.forEach(({ start, end, words }, index) => {
      expect([start, end]).toEqual([spans[index].start / RATE, spans[index].end / RATE]);
      words.forEach((word, place) => expect(word.start).toBeCloseTo(start + alone[index].words[place].start, 9));
    });
  });

  it('resamples, and tells of each rate once', async () => {
    const at = (rate: number, name: string) => recording(name, sing('re mi', new Random(1), rate), rate);
    const recordings = [at(16_000, 'a.wav'), at(RATE, 'b.wav'), at(11_025, 'c.wav'), at(16_000, 'd.wav')];
    const told: [number, string][] = [];
    const results = await all(recordings, { onResample: (rate, { id }) => told.push([rate, id]) });
    expect(told).toEqual([
      [16_000, 'a.wav'],
      [11_025, 'c.wav'],
    ]);
    const samples = resample(recordings[2].samples, { from: 11_025, to: RATE });
    expect(textsOf(results)[2]).toBe((await untrained(smallConfig()).transcribe([samples]))[0].text);
  });

  it('tells of recordings that are shorter than a frame', async () => {
    const none = [0, 1].map((length) => recording(`${length}-samples.wav`, new Float32Array(length)));
    const told: string[] = [];
    const results = await all([songs[0], ...none], { onEmpty: ({ id }) => told.push(id) });
    expect(told).toEqual(['0-samples.wav', '1-samples.wav']);
    expect(textsOf(results).slice(1)).toEqual(['', '']);
  });

  it('hears the recordings of a speaker who is named together', async () => {
    const config = smallConfig('normalization=speaker');
    const pipeline = new FeaturePipeline({ ...config.features, normalization: 'none' });
    const frames = songs.map(({ samples }) => pipeline.extract(samples));
    const voices = learnVoices(
      frames.map((one) => ({ frames: one })),
      pipeline.loudness,
    );
    const recognizer = untrained(config, 1, { usual: voices.usual });
    const named = songs.map((song, index) => ({ ...song, speaker: `singer-${index % 2}` }));
    const speakers = named.map(({ speaker }) => speaker);
    const wanted = (await recognizer.transcribeFrames(frames, { speakers })).map(({ hypotheses }) => hypotheses[0]);
    const scoresOf = async (recordings: readonly Recording[]): Promise<number[]> =>
      (await all(recordings, {}, recognizer)).map((result) => {
        if ('error' in result) throw result.error;
        return result.transcript.utterances[0].hypotheses[0].acoustic;
      });
    const found = await scoresOf(named);
    found.forEach((acoustic, index) => expect(acoustic).toBeCloseTo(wanted[index].acoustic, 3));
    const unnamed = await scoresOf(songs);
    expect(found.filter((acoustic, index) => Math.abs(acoustic - unnamed[index]) > 0.01).length).toBeGreaterThan(5);
  });

  it('says how much is done: what is read and what is recognised', async () => {
    const broken = { id: 'broken', audioPath: join(folder, 'nowhere.wav') };
    for (const batchSeconds of [0.1, 2, 600]) {
      const told: number[] = [];
      await all([...songs, broken], { batchSeconds, onProgress: (done) => told.push(done) });
      expect(told).toEqual([...told].sort((a, b) => a - b));
      expect(told.at(-1)).toBe(22);
    }
  });

  it('stops where it is told to', async () => {
    const signal = AbortSignal.abort();
    await expect(all(songs, { signal })).rejects.toThrow(/abort/i);
  });
});
