import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '@cadenza/core';
import { selectBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adaptToRecordings, isWorthAdapting, surest } from '../src/adaptation.js';
import { scoreVocalTracts, type Heard } from '../src/acoustics.js';
import { createTraining, likeliestLabels, type Training } from '../src/train.js';
import { preparedSongs, RATE, sing, smallConfig, writeSongs } from './tones.js';
import { untrained } from './untrained.js';

const words = ['do', 're', 'mi', 'fa'];
const settings = { rounds: 4, epochs: 3, part: 0.7, learningRate: 2e-3, mask: 0.1, noise: 0.1, least: 20 };
const folder = mkdtempSync(join(tmpdir(), 'cadenza-adaptation-'));

beforeAll(async () => {
  await selectBackend('auto', { threads: 1 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('surest', () => {
  const scores = [
    [-0.1, -3, -4],
    [-0.5, -1, -4],
    [-0.2, -2, -4],
    [-3, -0.9, -1],
    [-3, -2, -0.1],
  ].map((row) => Float32Array.from(row));

  it('takes of each label the part with the greatest distances to the second', () => {
    expect(surest(scores, 0.5)).toEqual([
      { index: 0, label: 0 },
      { index: 2, label: 0 },
      { index: 3, label: 1 },
      { index: 4, label: 2 },
    ]);
    expect(surest(scores, 1).map(({ index }) => index)).toEqual([0, 2, 1, 3, 4]);
  });

  it('takes nothing of nothing, and all are sure where there is one label', () => {
    expect(surest([], 0.5)).toEqual([]);
    expect(surest([Float32Array.of(NaN, 0), Float32Array.of(-Infinity, 0)], 0.5)).toEqual([]);
    expect(surest([Float32Array.of(0), Float32Array.of(0)], 0.5)).toEqual([{ index: 0, label: 0 }]);
  });
});

describe('adaptToRecordings', () => {
  let training: Training;
  const said = Array.from({ length: 48 }, (_, index) => words[index % words.length]);

  beforeAll(async () => {
    writeSongs(
      folder,
      Array.from({ length: 40 }, (_, index) => words[(3 * index) % words.length]),
    );
    const config = smallConfig('task=classify', 'unit=word', 'hiddenSize=12', 'maxSteps=120', 'validationSteps=120');
    training = createTraining(config, await preparedSongs(config, folder));
    await training.trainer.train();
  });
  afterAll(() => {
    training.trainer.dispose();
    training.model.dispose();
  });

  /** A singer whose voice is so many times as high as those that were learned from. */
  function singer(height: number): Heard[] {
    const random = new Random(7);
    return said.map((word) => ({ frames: training.speech.pipeline.extract(sing(word, random, RATE / height)) }));
  }

  async function errorsOf(recordings: readonly Heard[]): Promise<number> {
    const { pipeline, symbols } = training.speech;
    const heard = likeliestLabels(
      await scoreVocalTracts(training.model, pipeline, recordings, { factors: [1] }),
      symbols,
    );
    return heard.filter((word, index) => word !== said[index]).length;
  }

  it('understands voices better after it has heard them, of which nobody said what they say', async () => {
    const { model, speech } = training;
    const learned = [...model.parameters.values()].map((variable) => tf.clone(variable));
    let [before, after] = [0, 0];
    for (const height of [1.2, 1.25, 1.27]) {
      const recordings = singer(height);
      before += await errorsOf(recordings);
      await adaptToRecordings(model, speech.pipeline, recordings, { settings, factors: [1], seed: 1 });
      after += await errorsOf(recordings);
      [...model.parameters.values()].forEach((variable, index) => variable.assign(learned[index]));
    }
    tf.dispose(learned);
    expect(before).toBeGreaterThan(9); // of 144
    expect(after).toBeLessThan(before / 2);
  });

  it('leaves no tensors behind', async () => {
    const recordings = singer(1.1);
    const options = { settings, factors: [0.9, 1], seed: 1 };
    await adaptToRecordings(training.model, training.speech.pipeline, recordings, options);
    const { numTensors } = tf.memory();
    await adaptToRecordings(training.model, training.speech.pipeline, recordings, options);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe('isWorthAdapting', () => {
  it('counts the recordings in which something can be heard', () => {
    const heard = (frames: number): Heard => ({ frames: { frames, dimension: 1, values: new Float32Array(frames) } });
    const recordings = [...Array.from({ length: 20 }, () => heard(3)), heard(0)];
    expect(isWorthAdapting(recordings, settings)).toBe(true);
    expect(isWorthAdapting(recordings.slice(1), settings)).toBe(false);
    expect(isWorthAdapting(recordings, { ...settings, rounds: 0 })).toBe(false);
  });
});

describe('a recogniser that adapts', () => {
  const songs = Array.from({ length: 12 }, (_, index) => sing(words[index % 4], new Random(index)));
  const adapting = (least: number) =>
    untrained(smallConfig('task=classify', 'unit=word', 'adaptation.rounds=2', `adaptation.least=${least}`));
  const acoustic = async (least: number, options = {}) => {
    const recognizer = adapting(least);
    try {
      const [first, second] = [
        await recognizer.transcribe(songs, options),
        await recognizer.transcribe(songs, options),
      ];
      expect(second).toEqual(first);
      return first.map(({ hypotheses: [best] }) => best.acoustic);
    } finally {
      recognizer.dispose();
    }
  };

  it('hears otherwise where there is enough to hear, the same each time, and leaves its model as it is', async () => {
    const plain = await acoustic(13);
    expect(await acoustic(12, { adapt: false })).toEqual(plain);
    const adapted = await acoustic(12);
    expect(adapted).not.toEqual(plain);
    const recognizer = adapting(12);
    await recognizer.transcribe(songs);
    const [after] = await recognizer.transcribe(songs.slice(0, 1));
    expect(after.hypotheses[0].acoustic).toBeCloseTo(plain[0], 4);
    recognizer.dispose();
  });

  it('says to how many recordings, and adapts to nothing that comes by itself', async () => {
    const recognizer = adapting(2);
    const told: number[] = [];
    const onAdapt = (recordings: number): void => void told.push(recordings);
    await recognizer.transcribe(songs, { onAdapt });
    expect(told).toEqual([songs.length]);
    const stream = recognizer.listen({ onAdapt } as object);
    for (const song of songs.slice(0, 3)) {
      await stream.push(song);
      await stream.push(new Float32Array(RATE));
    }
    await stream.end();
    await stream.dispose();
    expect(told).toHaveLength(1);
    recognizer.dispose();
  });

  it('gives progress that only grows, and stops when it is told to', async () => {
    const recognizer = adapting(12);
    const seen: number[] = [];
    const control = new AbortController();
    await recognizer.transcribe(songs, { onProgress: (done) => seen.push(done) });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(songs.length);
    expect(seen.every((done) => Number.isInteger(done) && done <= songs.length)).toBe(true);
    const onProgress = (): void => control.abort();
    await expect(recognizer.transcribe(songs, { signal: control.signal, onProgress })).rejects.toThrow(/abort/iu);
    recognizer.dispose();
  });
});
