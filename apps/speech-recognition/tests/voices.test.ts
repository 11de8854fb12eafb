import { featureMatrix, NormalizationStatistics } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { FeaturePipeline } from '../src/features.js';
import type { Utterance } from '../src/utterances.js';
import { nameVoices } from '../src/speakers.js';
import { levelled, voiceOf, withoutVoice, type Voice } from '../src/voices.js';
import { RATE, sing, smallConfig } from './tones.js';

const { features: config } = smallConfig('normalization=speaker', 'deltas=1');
const plain = new FeaturePipeline({ ...config, normalization: 'none' });
const pipeline = new FeaturePipeline(config, new NormalizationStatistics(2 * plain.frameDimension));

const utterance = (text: string, speaker: string | undefined, change: (value: number) => number): Utterance => {
  const samples = sing(text, new Random(text.length)).map(change);
  return { id: text, speaker, text, seconds: samples.length / RATE, frames: plain.extract(samples) };
};
const same = (value: number): number => value;

const means = (voice: Voice): number[] => Array.from({ length: voice.dimension }, (_, d) => voice.mean(d));

const largestDifference = (one: ArrayLike<number>, other: ArrayLike<number>): number => {
  expect(one.length).toBe(other.length);
  return Array.from(one).reduce((most, value, at) => Math.max(most, Math.abs(value - other[at])), 0);
};

describe('voiceOf', () => {
  it('is the mean of frames by their amplitudes, the loudest of each recording counting one', () => {
    // A hundredfold power is a tenfold amplitude: frames of loudness 7 and 5, of a first coefficient of 1 a tenfold power.
    const one = featureMatrix(Float32Array.of(7, 3, 5, 14), 2);
    const other = featureMatrix(Float32Array.of(0, 8), 2);
    const voice = voiceOf([one, other], 1);
    expect(voice.mean(0)).toBeCloseTo((0 + 0.1 * -2 + 0) / 2.1, 6);
    expect(voice.mean(1)).toBeCloseTo((3 + 0.1 * 14 + 8) / 2.1, 6);
  });

  it('hardly minds silence around what is said', () => {
    const said = plain.extract(sing('do re'));
    const samples = new Float32Array(2 * RATE);
    samples.set(sing('do re'), RATE);
    for (let at = 0; at < samples.length; at++) samples[at] += 1e-5 * Math.sin(at * at);
    const surrounded = plain.extract(samples);
    const moved = largestDifference(
      means(voiceOf([said], plain.loudness)),
      means(voiceOf([surrounded], plain.loudness)),
    );
    const spread = Math.sqrt(NormalizationStatistics.of(said).squares[1] / said.frames);
    expect(moved).toBeLessThan(spread);
  });
});

describe('levelled', () => {
  it('takes loudness away, and nothing else', () => {
    const quiet = levelled(plain.extract(sing('mi fa').map((value) => value / 4)));
    const loud = levelled(plain.extract(sing('mi fa')));
    // Single precision holds sums of logarithms of about 10 to 1e-5 or so.
    expect(largestDifference(quiet.values, loud.values)).toBeLessThan(1e-3);
    expect(levelled(featureMatrix(new Float32Array(0), 3)).frames).toBe(0);
  });
});

describe('nameVoices', () => {
  const songs = [utterance('do re', 'one', same), utterance('fa', 'other', same), utterance('mi', 'one', same)];

  it('gives all recordings of a speaker the voice of them together', () => {
    const [one, other, third] = nameVoices([...songs], pipeline);
    expect(one.voice).toEqual(voiceOf([songs[0].frames, songs[2].frames], pipeline.loudness));
    expect(third.voice).toBe(one.voice);
    expect(other.voice).not.toEqual(one.voice);
  });

  it('gives none where nobody is named, nor where normalization goes by something else', () => {
    expect(nameVoices([utterance('do', undefined, same)], pipeline)[0].voice).toBeUndefined();
    expect(nameVoices(songs, plain).map(({ voice }) => voice)).toEqual([undefined, undefined, undefined]);
  });
});

describe('the pipeline with normalization by the speaker', () => {
  it('does not hear a gain of the recording, nor what a microphone adds to all frames of a speaker', () => {
    const frames = plain.extract(sing('do mi re'));
    const colored = featureMatrix(
      frames.values.map((value, at) => value + [0, 2, -1, 0.5, 3, -2][at % 6]),
      6,
    );
    const louder = plain.extract(sing('do mi re').map((value) => value * 2));
    const heard = (matrix: typeof frames): Float32Array =>
      pipeline.finish(matrix, voiceOf([matrix], pipeline.loudness)).values;
    expect(largestDifference(heard(frames), heard(colored))).toBeLessThan(1e-3);
    expect(largestDifference(heard(frames), heard(louder))).toBeLessThan(1e-3);
  });

  it('takes the voice of the recording itself where none is given', () => {
    const frames = plain.extract(sing('re'));
    expect(pipeline.finish(frames)).toEqual(pipeline.finish(frames, voiceOf([frames], pipeline.loudness)));
    expect(pipeline.center(frames)).toEqual(withoutVoice(frames, voiceOf([frames], pipeline.loudness)));
  });
});
