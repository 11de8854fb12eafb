/**
 * Makes the embedded data set: digits and commands, spoken by espeak-ng. Needs the packages' builds (`npm ci`) and
 * espeak-ng (`apt-get install espeak-ng`). The same seed and version of espeak-ng give the same files, byte for byte.
 *
 *     node apps/speech-recognition/data/make.mjs [--seed N] [--out FOLDER]
 *
 * Writes train.jsonl, validation.jsonl and test.jsonl, which say where in the packed train-1.wav, train-2.wav,
 * validation.wav and test.wav each recording is; digits.jsonl and digits.wav, single digits to train beside other recordings; phrase.wav,
 * one phrase of a test voice as recorded; and summary.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { decodeWav, encodeWav, power, resample } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import { encodeImaAdpcm } from './make/imaAdpcm.mjs';
import { DIGITS, PhraseBook, VOCABULARY } from './make/phrases.mjs';
import { espeakVersion, record, STUDIO_RATE } from './make/recording.mjs';
import { drawDigitVoices, drawVoices, SPLITS } from './make/voices.mjs';

const SAMPLE_RATE = 8000;

/** Recordings of each voice, and into how many files a split is packed. */
const SIZES = {
  train: { words: 5, phrases: 4, files: 2 },
  validation: { words: 6, phrases: 4, files: 1 },
  test: { words: 6, phrases: 4, files: 1 },
};

/** How the single digits are recorded: near, in little noise, cut close. */
const NEAR = { snr: 30, room: false, close: true };

/** What `phrase.wav` says; no other recording does. */
const DEMONSTRATION = { text: 'four seven one nine', snr: 25, room: false };

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: fileURLToPath(new URL('.', import.meta.url)) },
  },
});

/** Who says what in a split: every word in turn, so that all are as frequent, and phrases drawn. */
function planSplit(split, voices, book, random) {
  const { words, phrases } = SIZES[split];
  let order = [];
  const nextWord = () => {
    if (order.length === 0) order = random.shuffle([...VOCABULARY]);
    return order.pop();
  };
  return voices.flatMap((voice) => [
    ...Array.from({ length: words }, () => ({ voice, text: nextWord() })),
    ...Array.from({ length: phrases }, () => ({ voice, text: book.draw(split, random) })),
  ]);
}

/** Records a plan, each recording with random numbers of its own. */
function recordAll(plan, split, random, options = {}) {
  return plan.map(({ voice, text }, index) => {
    const { samples, snr } = record(voice, text, random.fork(`${split}/${index}`), options);
    const recording = resample(samples, { from: STUDIO_RATE, to: SAMPLE_RATE });
    return { samples: recording, text, speaker: voice.name, snr };
  });
}

/** Joins recordings to one file, and gives its bytes and the lines of its manifest. Offsets are whole samples. */
function pack(recordings, file) {
  const joined = new Float32Array(recordings.reduce((total, { samples }) => total + samples.length, 0));
  let at = 0;
  const lines = recordings.map(({ samples, text, speaker, snr }) => {
    joined.set(samples, at);
    const [offset, duration] = [at / SAMPLE_RATE, samples.length / SAMPLE_RATE];
    at += samples.length;
    return JSON.stringify({ audio_filepath: file, offset, duration, text, speaker, snr });
  });
  const bytes = encodeImaAdpcm(joined, SAMPLE_RATE);
  const decoded = decodeWav(bytes).samples[0];
  const noise = power(joined.map((value, n) => decoded[n] - value));
  return { bytes, lines, seconds: joined.length / SAMPLE_RATE, codingSnr: 10 * Math.log10(power(joined) / noise) };
}

function writeSplit(split, recordings, folder) {
  const { files } = SIZES[split];
  const share = Math.ceil(recordings.length / files);
  const packs = Array.from({ length: files }, (_, index) => {
    const name = files === 1 ? `${split}.wav` : `${split}-${index + 1}.wav`;
    const packed = pack(recordings.slice(index * share, (index + 1) * share), name);
    writeFileSync(join(folder, name), packed.bytes);
    return packed;
  });
  writeFileSync(join(folder, `${split}.jsonl`), packs.flatMap(({ lines }) => lines).join('\n') + '\n');
  const seconds = packs.reduce((total, packed) => total + packed.seconds, 0);
  return { seconds, codingSnr: Math.min(...packs.map((packed) => packed.codingSnr)) };
}

/** Every digit by every voice. */
function writeDigits(random, folder) {
  const voices = drawDigitVoices(random.fork('voices/digits'));
  const plan = voices.flatMap((voice) => DIGITS.map((text) => ({ voice, text })));
  const { bytes, lines, seconds, codingSnr } = pack(recordAll(plan, 'digits', random, NEAR), 'digits.wav');
  writeFileSync(join(folder, 'digits.wav'), bytes);
  writeFileSync(join(folder, 'digits.jsonl'), lines.join('\n') + '\n');
  const rounded = { seconds: Math.round(seconds), codingSnr: Math.round(10 * codingSnr) / 10 };
  return { voices: voices.length, words: plan.length, ...rounded };
}

function main() {
  const seed = Number(flags.seed);
  const random = new Random(seed);
  const book = new PhraseBook([DEMONSTRATION.text]);
  const summary = { espeak: espeakVersion(), seed };
  mkdirSync(flags.out, { recursive: true });
  for (const split of SPLITS) {
    const voices = drawVoices(split, random.fork(`voices/${split}`));
    const plan = planSplit(split, voices, book, random.fork(`plan/${split}`));
    const { seconds, codingSnr } = writeSplit(split, recordAll(plan, split, random), flags.out);
    const phrases = plan.filter(({ text }) => text.includes(' ')).length;
    summary[split] = {
      voices: voices.length,
      words: plan.length - phrases,
      phrases,
      seconds: Math.round(seconds),
      codingSnr: Math.round(10 * codingSnr) / 10,
    };
    console.log(`${split}: ${JSON.stringify(summary[split])}`);
  }
  summary.digits = writeDigits(random, flags.out);
  console.log(`digits: ${JSON.stringify(summary.digits)}`);
  const [voice] = drawVoices('test', random.fork('voices/test'));
  const { samples } = record(voice, DEMONSTRATION.text, random.fork('demonstration'), DEMONSTRATION);
  writeFileSync(join(flags.out, 'phrase.wav'), encodeWav(samples, { sampleRate: STUDIO_RATE }));
  writeFileSync(join(flags.out, 'summary.json'), JSON.stringify(summary, null, 2) + '\n');
}

main();
