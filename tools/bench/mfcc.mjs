/**
 * Mel-frequency cepstra of drawn recordings on one thread, by packages/audio and by meyda, which packages/audio has as a reference
 * (runner.mjs says how they are asked):
 *
 *     node tools/bench/mfcc.mjs ours
 *     node tools/bench/mfcc.mjs meyda
 *
 * Both make the same number of coefficients from the same frames; their definitions differ (packages/audio/README.md).
 */
import { createRequire } from 'node:module';
import { FeatureExtractor, featurePreset } from '@cadenza/audio';
import { drawBetween, drawNormal, linearCongruential } from './draws.mjs';
import { serve } from './runner.mjs';
import { cepstra } from './sizes.mjs';
import { spread } from './speechTask.mjs';
import { median, timesOf } from './statistics.mjs';

const { sampleRate, frameLength, frameShift, bands } = cepstra;
/** As long as AN4's: a frame that the network reads is three. */
const recordingCount = 16;

function drawRecordings() {
  const random = linearCongruential(1);
  return Array.from({ length: recordingCount }, () => {
    const frames = Math.round(drawBetween(random, spread.levels, spread.frames));
    return drawNormal(random, frames * 3 * frameShift).map((value) => 0.1 * value);
  });
}

/** The frames of a recording. @typedef {(samples: Float32Array) => number} Extract */

/** @returns {{ about: object, extract: Extract }} */
function ours() {
  const options = { frameLength, frameShift, mel: { bands }, cepstra: { count: cepstra.count } };
  const extractor = new FeatureExtractor(featurePreset('kaldi-mfcc', sampleRate, options));
  const about = { backend: 'audio', threads: 1, reason: "packages/audio's own code, on one thread" };
  return { about, extract: (samples) => extractor.extract(samples).frames };
}

/** @returns {{ about: object, extract: Extract }} */
function meyda() {
  // As packages/audio finds it, whose dependency it is.
  const load = createRequire(createRequire(import.meta.url).resolve('@cadenza/audio/package.json'));
  const meyda = load('meyda');
  const { version } = load('meyda/package.json');
  Object.assign(meyda, {
    sampleRate,
    bufferSize: frameLength,
    melBands: bands,
    numberOfMFCCCoefficients: cepstra.count,
  });
  const extract = (/** @type {Float32Array} */ samples) => {
    let frames = 0;
    for (let at = 0; at + frameLength <= samples.length; at += frameShift, frames++) {
      meyda.extract('mfcc', samples.subarray(at, at + frameLength));
    }
    return frames;
  };
  return { about: { version, threads: 1 }, extract };
}

const { about, extract } = process.argv[2] === 'meyda' ? meyda() : ours();
const recordings = drawRecordings();
const seconds = recordings.reduce((sum, { length }) => sum + length, 0) / sampleRate;
const pass = () => recordings.reduce((sum, samples) => sum + extract(samples), 0);
await serve({ ...about, frames: pass() }, (duration) => ({
  audio_seconds_per_second: seconds / median(timesOf(pass, duration)),
}));
