/** One recording: espeak-ng's speech, in a room, with noise. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addNoise, decodeWav, perturbVolume, power, resample, reverberate } from '@cadenza/audio';

/** Rooms and noise are made at this rate; recordings are then taken down to their own. */
export const STUDIO_RATE = 16000;

/** Speech ends where nothing is louder than this part of its peak: 54 dB down, below any consonant of espeak-ng's. */
const SILENCE = 0.002;

/** The loudness of speech, and how far recordings are from it to both sides, in decibels of full scale. */
const LEVEL = { mean: -23, spread: 2 };
const HIGHEST_PEAK = 0.9;

const between = (random, low, high) => low + (high - low) * random.next();
const integerBetween = (random, low, high) => low + random.integer(high - low + 1);

/** Runs espeak-ng, and hands back what it wrote. */
function runEspeak(args) {
  const { status, stdout, stderr, error } = spawnSync('espeak-ng', args, { maxBuffer: 2 ** 26 });
  if (error)
    throw new Error(`Expected espeak-ng to be installed (Debian: apt-get install espeak-ng), got ${error.message}`);
  if (status !== 0) throw new Error(`Expected espeak-ng ${args.join(' ')} to end with 0, got ${status}: ${stderr}`);
  return stdout;
}

/** For example `1.51`. */
export function espeakVersion() {
  const line = runEspeak(['--version']).toString();
  const version = /(\d+\.\d+\S*)/.exec(line)?.[1];
  if (!version) throw new Error(`Expected espeak-ng to tell its version, got ${line.trim()}`);
  return version;
}

/** The WAV file that espeak-ng makes of a text. Its standard output would not do: that header does not tell the length. */
function synthesize(text, options) {
  const folder = mkdtempSync(join(tmpdir(), 'espeak-'));
  try {
    const path = join(folder, 'speech.wav');
    runEspeak([...options, '-w', path, text]);
    return readFileSync(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a voice says, from the first sound to the last, in its own tempo and pitch, which change a little every time. */
function speak(voice, text, random) {
  const speed = Math.round(voice.wordsPerMinute * between(random, 0.92, 1.08));
  const pitch = voice.pitch + integerBetween(random, -8, 8);
  const gap = integerBetween(random, 0, 10); // between words, in units of 10 ms at the usual tempo
  const bytes = synthesize(text, ['-v', voice.name, '-s', `${speed}`, '-p', `${pitch}`, '-g', `${gap}`, '-z']);
  const { samples, sampleRate } = decodeWav(bytes, { channels: 'mix', name: `${voice.name} saying "${text}"` });
  const sound = trimSilence(samples[0]);
  if (sound.length < 0.1 * sampleRate) {
    throw new Error(`Expected ${voice.name} to say "${text}" in 0.1 s or more, got ${sound.length / sampleRate} s`);
  }
  // Played as if recorded at another rate. Rounded to 50 Hz, the ratio of the rates is one of small integers.
  return resample(sound, { from: 50 * Math.round((sampleRate * voice.size) / 50), to: STUDIO_RATE });
}

/** Without the silence of both ends. */
function trimSilence(samples) {
  const limit = SILENCE * samples.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
  const loud = (value) => Math.abs(value) > limit;
  return samples.slice(samples.findIndex(loud), samples.findLastIndex(loud) + 1);
}

/** Silence before and after. */
function pad(samples, before, after) {
  const padded = new Float32Array(before + samples.length + after);
  padded.set(samples, before);
  return padded;
}

/** At a level of the speech proper, unless a peak would then come near the limit. */
function setLevel(recording, speech, decibels) {
  const peak = recording.reduce((highest, value) => Math.max(highest, Math.abs(value)), 0);
  const wanted = decibels - 10 * Math.log10(power(speech));
  return perturbVolume(recording, Math.min(wanted, 20 * Math.log10(HIGHEST_PEAK / peak)));
}

/**
 * A text said by a voice: with 50 to 150 ms before and 80 to 200 ms after it, or a fifth of that where `close`, every third time in a
 * room with echoes of 0.1 to 0.4 s, in white or pink noise.
 *
 * @param options `snr`: the power of the recording over that of the noise, in decibels; drawn from 10 to 35 unless told.
 * `room`: whether it echoes; drawn unless told. `close`: whether it is cut close to the speech.
 * @returns `samples` at {@link STUDIO_RATE}, and `snr`
 */
export function record(voice, text, random, options = {}) {
  const { snr = integerBetween(random, 10, 35), room = random.next() < 1 / 3, close = false } = options;
  const part = close ? 0.2 : 1;
  const milliseconds = (low, high) => Math.round((between(random, part * low, part * high) * STUDIO_RATE) / 1000);
  const speech = speak(voice, text, random);
  let samples = pad(speech, milliseconds(50, 150), milliseconds(80, 200));
  if (room) {
    const directToReverberant = between(random, 3, 12);
    samples = reverberate(samples, random, {
      sampleRate: STUDIO_RATE,
      decay: between(random, 0.1, 0.4),
      directToReverberant,
    });
  }
  samples = addNoise(samples, random, { snr, noise: random.next() < 0.5 ? 'white' : 'pink' });
  const level = between(random, LEVEL.mean - LEVEL.spread, LEVEL.mean + LEVEL.spread);
  return { samples: setLevel(samples, speech, level), snr };
}
