import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeWav } from '@cadenza/audio';
import { Random } from '@cadenza/core';
import { resolveConfig, type Config } from '../src/config.js';
import { readCorpus, type Recording } from '../src/corpora.js';
import { prepareSpeech, type PreparedSpeech } from '../src/prepare.js';

/** The rate of the tones, in hertz. */
export const RATE = 8000;

/** Words that are tones, each of its own pitch. */
const PITCHES: Record<string, number> = { do: 300, re: 620, mi: 1100, fa: 1900 };

/** What is said in ten recordings. */
export const tenTexts = [...['do', 're mi', 'fa', 'mi do', 're', 'do fa re', 'mi', 'fa fa', 're do', 'mi fa']];

/** A text in tones of 0.15 s with pauses of 0.1 s, under some noise. */
export function sing(text: string, random = new Random(1), rate = RATE): Float32Array {
  const pause = Math.round(0.1 * rate);
  const length = Math.round(0.15 * rate);
  const words = text.split(' ');
  const sound = new Float32Array(pause + words.length * (length + pause)).map(() => 0.003 * random.normal());
  words.forEach((word, place) => {
    const from = pause + place * (length + pause);
    const pitch = PITCHES[word] * (1 + 0.02 * random.normal());
    for (let n = 0; n < length; n++) {
      sound[from + n] += 0.4 * Math.sin((Math.PI * n) / length) * Math.sin((2 * Math.PI * pitch * n) / rate);
    }
  });
  return sound;
}

/** Writes recordings and their manifest into a folder, and gives the manifest's path. */
export function writeSongs(folder: string, texts: readonly string[] = tenTexts, name = 'train'): string {
  const random = new Random(texts.length);
  mkdirSync(folder, { recursive: true });
  const lines = texts.map((text, index) => {
    const file = `${name}-${index}.wav`;
    writeFileSync(join(folder, file), encodeWav(sing(text, random), { sampleRate: RATE }));
    return JSON.stringify({ audio_filepath: file, text, speaker: `singer-${index % 5}` });
  });
  const manifest = join(folder, `${name}.jsonl`);
  writeFileSync(manifest, lines.map((line) => `${line}\n`).join(''));
  return manifest;
}

/** The smallest network that is worth training. */
const small = [
  'hiddenSize=6',
  'bands=12',
  'cepstra=6',
  'batchRecordings=4',
  'maxSteps=10',
  'validationSteps=5',
  'logSteps=2',
];

export function smallConfig(...assignments: string[]): Config {
  return resolveConfig({ preset: 'tiny', assignments: [...small, ...assignments] });
}

/** The songs of a folder, all of them in training and validation both. */
export async function preparedSongs(config: Config, folder: string): Promise<PreparedSpeech> {
  const { train } = await readCorpus(folder);
  return prepareSpeech({ train, validation: train as Recording[], test: [] }, config, { source: folder });
}
