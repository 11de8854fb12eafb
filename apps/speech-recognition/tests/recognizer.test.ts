import { Random } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import { beforeAll, describe, expect, it } from 'vitest';
import { sing, smallConfig } from './tones.js';
import { untrained } from './untrained.js';

beforeAll(async () => {
  await selectBackend('auto', { threads: 1 });
});

describe('Recognizer', () => {
  const songs = ['do', 're mi', 'fa do fa'].map((text) => sing(text, new Random(text.length)));
  const classifier = (factors: number[]) =>
    untrained(smallConfig('task=classify', 'unit=word', `decoding.vocalTracts=${JSON.stringify(factors)}`));

  /** log p of each label by its name, of every song. */
  async function labelsOf(factors: number[]): Promise<Map<string, number>[]> {
    const recognizer = classifier(factors);
    const transcripts = await recognizer.transcribe(songs, { nBest: 100 });
    recognizer.dispose();
    return transcripts.map(({ hypotheses }) => new Map(hypotheses.map(({ text, acoustic }) => [text, acoustic])));
  }

  it('takes the mean of what it hears as of several vocal tracts', async () => {
    const [short, plain, long] = [await labelsOf([0.9]), await labelsOf([1]), await labelsOf([1.15])];
    const all = await labelsOf([0.9, 1, 1.15]);
    all.forEach((labels, song) => {
      expect(labels.size).toBeGreaterThan(3);
      for (const [label, value] of labels) {
        const mean = (short[song].get(label)! + plain[song].get(label)! + long[song].get(label)!) / 3;
        expect(value).toBeCloseTo(mean, 4);
      }
    });
    expect(short[1].get('do')).not.toBeCloseTo(plain[1].get('do')!, 2);
  });

  it('gives progress through all of them, to the last recording', async () => {
    const recognizer = classifier([0.9, 1.1]);
    const seen: number[] = [];
    await recognizer.transcribe(songs, { onProgress: (done) => seen.push(done) });
    recognizer.dispose();
    expect(seen.at(-1)).toBe(songs.length);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
});
