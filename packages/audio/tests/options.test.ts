import { ConfigError, Random } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import {
  addNoise,
  appendDeltas,
  decodeAudio,
  decodeSphere,
  decodeSphinxFeatures,
  decodeWav,
  encodeWav,
  FeatureCache,
  featureMatrix,
  normalizeSpeakers,
  normalizeUtterance,
  readManifest,
  resample,
  reverberate,
  RunningNormalizer,
  shelve,
  specAugment,
  stackFeatures,
  warpVocalTract,
} from '../src/index.js';

const sound = new Float32Array(8);
const frames = featureMatrix(new Float32Array(12), 3);
const random = new Random(1);

describe('An option that nobody knows is refused, with the nearest that is known, by', () => {
  it.each<[string, string, string, (options: never) => unknown]>([
    ['decodeWav', 'channel', 'channels', (options) => decodeWav(new Uint8Array(), options)],
    ['decodeSphere', 'channel', 'channels', (options) => decodeSphere(new Uint8Array(), options)],
    ['encodeWav', 'formats', 'format', (options) => encodeWav(sound, options)],
    ['resample', 'passBand', 'passband', (options) => resample(sound, options)],
    ['appendDeltas', 'edge', 'edges', (options) => appendDeltas(frames, options)],
    ['normalizeUtterance', 'variances', 'variance', (options) => normalizeUtterance(frames, options)],
    [
      'normalizeSpeakers',
      'variances',
      'variance',
      (options) => normalizeSpeakers([{ speaker: 'a', features: frames }], options),
    ],
    ['RunningNormalizer', 'windows', 'window', (options) => new RunningNormalizer(3, options)],
    ['stackFeatures', 'strides', 'stride', (options) => stackFeatures(frames, options)],
    ['specAugment', 'timeMask', 'timeMasks', (options) => specAugment(frames, random, options)],
    ['addNoise', 'noises', 'noise', (options) => addNoise(sound, random, options)],
    ['reverberate', 'decays', 'decay', (options) => reverberate(sound, random, options)],
    ['shelve', 'decibel', 'decibels', (options) => shelve(sound, options)],
    ['decodeSphinxFeatures', 'dimensions', 'dimension', (options) => decodeSphinxFeatures(new Uint8Array(4), options)],
    ['FeatureCache', 'folders', 'folder', (options) => new FeatureCache(options)],
    ['warpVocalTract', 'band', 'bands', (options) => warpVocalTract(frames, 1, options)],
  ])('%s: %s', (_, name, nearest, call) => {
    const work = (): unknown => call({ [name]: 1 } as never);
    expect(work).toThrow(ConfigError);
    expect(work).toThrow(`knows, got ${name}; did you mean ${nearest}?`);
  });

  it('readManifest', async () => {
    const entries = readManifest('nowhere', { onErrors: 'throw' } as never);
    await expect(entries.next()).rejects.toThrow(/did you mean onError\?/);
  });

  it('decodeAudio', async () => {
    await expect(decodeAudio(new Uint8Array(), { channel: 'mix' } as never)).rejects.toThrow(/did you mean channels\?/);
  });
});
