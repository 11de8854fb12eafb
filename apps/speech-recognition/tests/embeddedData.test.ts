import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AudioClip, power, readManifest, readWav } from '@cadenza/audio';
import { beforeAll, describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../data', import.meta.url));
const SPLITS = ['train', 'validation', 'test'] as const;
const PARTS = [...SPLITS, 'digits'] as const;
type Part = (typeof PARTS)[number];

const DIGITS = 'zero one two three four five six seven eight nine'.split(' ');
const COMMANDS = 'yes no on off stop go left right up down open close'.split(' ');

interface Item {
  file: string;
  /** In samples. */
  from: number;
  to: number;
  text: string;
  speaker: string;
}

const items = {} as Record<Part, Item[]>;
const clips = new Map<string, AudioClip>();

/** Decibels of full scale. */
const level = (samples: Float32Array): number => 10 * Math.log10(power(samples));
const samplesOf = ({ file, from, to }: Item): Float32Array => clips.get(file)!.samples[0].subarray(from, to);
const distinct = (values: string[]): Set<string> => new Set(values);
const phrasesOf = (split: Part): string[] => items[split].map(({ text }) => text).filter((text) => text.includes(' '));
const shared = (one: Iterable<string>, other: Set<string>): string[] => [...one].filter((value) => other.has(value));

/** The levels of frames of 20 ms, from the quietest to the loudest. */
function frameLevels(samples: Float32Array): number[] {
  const length = 160;
  const frames = Math.floor(samples.length / length);
  const levels = Array.from({ length: frames }, (_, n) => level(samples.subarray(n * length, (n + 1) * length)));
  return levels.sort((a, b) => a - b);
}

beforeAll(async () => {
  for (const split of PARTS) {
    items[split] = [];
    for await (const { audioPath, offset, duration, text, speaker } of readManifest(join(folder, `${split}.jsonl`))) {
      const file = audioPath!;
      if (!clips.has(file)) clips.set(file, await readWav(file));
      const [from, to] = [8000 * offset!, 8000 * (offset! + duration!)];
      items[split].push({ file, from: Math.round(from), to: Math.round(to), text: text!, speaker: speaker! });
    }
  }
});

describe('the embedded recordings', () => {
  it('take less than 5 MB in all and less than 2 MB a file, their maker included', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const sizes = files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
    expect(Math.max(...sizes)).toBeLessThan(2e6);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(5e6);
  });

  it('follow one another in files of one channel at 8 kHz, from the first sample to the last', () => {
    const ends = new Map<string, number>();
    for (const { file, from, to } of PARTS.flatMap((split) => items[split])) {
      expect(from).toBe(ends.get(file) ?? 0);
      expect(to).toBeGreaterThan(from);
      ends.set(file, to);
    }
    for (const [file, { samples, sampleRate, channels }] of clips) {
      expect([file, sampleRate, channels, samples[0].length]).toEqual([file, 8000, 1, ends.get(file)]);
    }
  });

  it('are by voices, and by timbres, of which each is in one split only', () => {
    const speakers = SPLITS.map((split) => distinct(items[split].map(({ speaker }) => speaker)));
    expect(speakers.map(({ size }) => size)).toEqual([64, 10, 16]);
    const timbres = speakers.map((names) => distinct([...names].map((name) => name.split('+')[1])));
    for (const [one, other] of [[0, 1], [0, 2], [1, 2]]) expect(shared(timbres[one], timbres[other])).toEqual([]); // prettier-ignore
  });

  it('have every digit by each of 56 voices, of the training part’s timbres', () => {
    const timbre = ({ speaker }: Item): string => speaker.split('+')[1];
    const voices = distinct(items.digits.map(({ speaker }) => speaker));
    expect(voices.size).toBe(56);
    for (const voice of voices) {
      expect(items.digits.filter(({ speaker }) => speaker === voice).map(({ text }) => text)).toEqual(DIGITS);
    }
    expect(shared(items.digits.map(timbre), distinct(items.train.map(timbre)))).toHaveLength(560);
  });

  it('have every word in every split, alone and in phrases, and no other', () => {
    for (const split of SPLITS) {
      const words = distinct(items[split].map(({ text }) => text).filter((text) => !text.includes(' ')));
      const spoken = distinct(phrasesOf(split).flatMap((text) => text.split(' ')));
      expect([...words].sort()).toEqual([...DIGITS, ...COMMANDS].sort());
      expect([...spoken].sort()).toEqual([...DIGITS, ...COMMANDS].sort());
    }
  });

  it('share no phrase between splits, nor with the phrase of the demonstration', () => {
    const [train, validation, test] = SPLITS.map((split) => distinct(phrasesOf(split)));
    expect(shared(train, validation)).toEqual([]);
    expect(shared(train, test)).toEqual([]);
    expect(shared(validation, test)).toEqual([]);
    expect(shared(['four seven one nine'], new Set([...train, ...validation, ...test]))).toEqual([]);
  });

  it('hold speech that stands out of the noise, evenly loud, and none that clips', () => {
    for (const item of PARTS.flatMap((part) => items[part])) {
      const samples = samplesOf(item);
      const name = `${basename(item.file)} at ${item.from}: ${item.speaker} saying "${item.text}"`;
      const levels = frameLevels(samples);
      const seconds = samples.length / 8000;
      const words = item.text.split(' ').length;
      expect(seconds, name).toBeGreaterThan(0.12 * words + (items.digits.includes(item) ? 0.05 : 0.2));
      expect(seconds, name).toBeLessThan(0.6 * words + 0.6);
      expect(
        samples.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0),
        name,
      ).toBeLessThan(0.95);
      const loud = levels[Math.floor(0.9 * levels.length)];
      expect(loud, name).toBeGreaterThan(-26);
      expect(loud, name).toBeLessThan(-14);
      // Noise is 10 dB below the recording or more; the digits are cut so close that it is hardly ever alone.
      if (!items.digits.includes(item)) expect(loud - levels[0], name).toBeGreaterThan(9);
    }
  });

  it('are counted in the summary', () => {
    const summary = JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8'));
    for (const split of PARTS) {
      const phrases = phrasesOf(split).length;
      const seconds = Math.round(items[split].reduce((sum, { from, to }) => sum + (to - from) / 8000, 0));
      const counted = { words: items[split].length - phrases, seconds };
      expect(summary[split]).toMatchObject(split === 'digits' ? counted : { ...counted, phrases });
    }
  });
});

describe('the phrase of the demonstration', () => {
  it('is an ordinary WAV file at another rate than the recordings', async () => {
    const { samples, sampleRate, channels, duration } = await readWav(join(folder, 'phrase.wav'));
    expect([sampleRate, channels]).toEqual([16000, 1]);
    expect(duration).toBeGreaterThan(1.5);
    expect(level(samples[0])).toBeGreaterThan(-28);
    expect(samples[0].reduce((peak, value) => Math.max(peak, Math.abs(value)), 0)).toBeLessThan(0.95);
  });
});
