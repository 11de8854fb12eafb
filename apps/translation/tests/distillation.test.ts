import { Random, teacherPredictions, type SequenceToSequence } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodePairs,
  pairTensors,
  teacherReadings,
  teacherTensors,
  trainingSource,
  type EncodedPair,
  type PairRows,
} from '../src/batches.js';
import { teach } from '../src/distillation.js';
import { createModel } from '../src/model.js';
import { createTraining } from '../src/train.js';
import { prepared, smallConfig } from './pairs.js';

beforeAll(() => tf.setBackend('cpu'));

const config = smallConfig('mergeDropout=0.5', 'distillation=0.8');
const pairs = prepared(config);
const encoded = encodePairs(pairs.train, pairs.codec);
const unheard = (): EncodedPair[] => encoded.map((pair) => ({ ...pair }));
const teachers = (): SequenceToSequence[] =>
  [1, 2].map((seed) => createModel(config, pairs.codec, new Random(seed).fork('teacher')));

describe('teach', () => {
  it('keeps for each pair what the teachers say of it, whatever pairs stand beside it in a batch', async () => {
    const models = teachers();
    const before = tf.memory().numTensors;
    const progress: number[] = [];
    const readings = [unheard(), unheard()];
    expect(await teach(models, readings, { onProgress: (done) => progress.push(done) })).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
    expect(progress.at(-1)).toBe(2 * encoded.length);
    expect(readings[1]).toEqual(readings[0]);
    readings[0].forEach(({ teacher }, index) => {
      const { count, ids, probabilities } = teacher!;
      const alone = tf.tidy(() => {
        const said = teacherPredictions(models, pairTensors([encoded[index]]), count);
        return { ids: said.ids.dataSync(), probabilities: said.probabilities.dataSync() };
      });
      expect(ids).toHaveLength(encoded[index].target.length * count);
      expect(Array.from(ids)).toEqual(Array.from(alone.ids));
      tf.test_util.expectArraysClose(probabilities, alone.probabilities, 1e-6);
    });
    for (const model of models) model.dispose();
  });

  it('ends without a result when it is told to', async () => {
    const models = teachers();
    const reading = unheard();
    expect(await teach(models, [reading], { signal: AbortSignal.abort() })).toBe(false);
    expect(reading).toEqual(encoded);
    for (const model of models) model.dispose();
  });
});

describe('pairs that are taught', () => {
  /** Of each pair something else. */
  const sayTo = (reading: EncodedPair[], first = 0): void =>
    reading.forEach((pair, index) => {
      const ids = Int32Array.from({ length: 2 * pair.target.length }, (_, place) => first + 100 * index + place);
      pair.teacher = { count: 2, ids, probabilities: new Float32Array(ids.length).fill(0.5) };
    });

  it('keep the merges of their targets, which the teachers read, and drop those of their sources', () => {
    const readings = teacherReadings(pairs.train, pairs.codec, config);
    expect(readings).toEqual([encoded]);
    const source = trainingSource(pairs.train, pairs.codec, config, new Random(1), readings);
    sayTo(readings[0]); // after the source was made
    let dropped = 0;
    for (let count = 0; count < 2 * source.batchesPerEpoch; count++) {
      for (const pair of (source.next() as PairRows).pairs) {
        const index = pair.teacher!.ids[0] / 100;
        expect(pair.target).toEqual(encoded[index].target);
        expect(pair.teacher).toBe(readings[0][index].teacher);
        if (pair.source.length > encoded[index].source.length) dropped++;
      }
    }
    expect(dropped).toBeGreaterThan(0);
  });

  it('have the subwords of one reading after another in their targets, where teachers read more than once', () => {
    const settings = smallConfig('mergeDropout=0.5', 'teacherReadings=2');
    const readings = teacherReadings(pairs.train, pairs.codec, settings);
    expect(teacherReadings(pairs.train, pairs.codec, settings)).toEqual(readings);
    const lengthOf = (reading: EncodedPair[]): number => reading.reduce((sum, { target }) => sum + target.length, 0);
    expect(readings[0]).not.toEqual(readings[1]);
    for (const [number, reading] of readings.entries()) {
      expect(lengthOf(reading)).toBeGreaterThan(lengthOf(encoded));
      expect(reading.map(({ source }) => source)).toEqual(encoded.map(({ source }) => source));
      expect(reading.map(({ target }) => pairs.codec.decodeIds(Array.from(target.subarray(0, -1))).words)).toEqual(
        pairs.train.map(({ target }) => pairs.codec.words(target, 'target')),
      );
      sayTo(reading, 10_000 * number);
    }
    const source = trainingSource(pairs.train, pairs.codec, settings, new Random(1), readings);
    while (source.epoch < 4) {
      const { pairs: rows } = source.next() as PairRows;
      const reading = (Math.ceil(source.epoch) - 1) % 2;
      for (const { target, teacher } of rows) {
        const first = teacher!.ids[0];
        expect(Math.floor(first / 10_000)).toBe(reading);
        const read = readings[reading][(first % 10_000) / 100];
        expect(target).toEqual(read.target);
        expect(teacher).toBe(read.teacher);
      }
    }
  });

  it('keep the merges of a target that would be too long for a batch without them', () => {
    const longest = Math.max(...encoded.map(({ target }) => target.length));
    const settings = smallConfig('mergeDropout=0.9', 'teacherReadings=2', `batchTokens=${longest}`);
    const readings = teacherReadings(pairs.train, pairs.codec, settings);
    const lengths = readings.flat().map(({ target }) => target.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(longest);
    expect(readings[0][5].target).toEqual(encoded[5].target);
  });

  it('stand in the rows of a batch as their targets do, padded with what has no share', () => {
    const taught = unheard();
    sayTo(taught);
    const chosen = [5, 2].map((index) => taught[index]); // the longest and a short one
    const [ids, probabilities] = tf.tidy(() => {
      const said = teacherTensors(chosen)!;
      expect(said.ids.shape).toEqual([2, encoded[5].target.length, 2]);
      return [said.ids.arraySync() as number[][][], said.probabilities.arraySync() as number[][][]];
    });
    expect(ids[0].flat()).toEqual(Array.from(taught[5].teacher!.ids));
    const { length } = encoded[2].target;
    expect(ids[1].slice(0, length).flat()).toEqual(Array.from(taught[2].teacher!.ids));
    expect(ids[1].slice(length).flat()).toEqual(ids[1].slice(length).flat().fill(0));
    expect(probabilities[1].slice(length).flat()).toEqual(probabilities[1].slice(length).flat().fill(0));
    expect(teacherTensors(encoded)).toBeUndefined();
  });
});

describe('training with teachers', () => {
  it.each([
    [undefined, 0.5],
    ['distillation=0.8', 0.8],
  ])('keeps with the run the share that they have where %s is told', (told, share) => {
    const settings = smallConfig(...(told === undefined ? [] : [told]));
    const [plain, learning] = [undefined, [unheard()]].map((readings) => createTraining(settings, pairs, { readings }));
    expect(learning.config.training.distillation).toBe(share);
    expect(plain.config.training.distillation).toBe(settings.training.distillation);
    for (const { model, trainer } of [plain, learning]) {
      trainer.dispose();
      model.dispose();
    }
  });

  it('comes nearer to what they say than training without them', async () => {
    const [teacher] = teachers();
    const taught = unheard();
    await teach([teacher], [taught]);
    const distanceAfter = async (readings: EncodedPair[][] | undefined): Promise<number> => {
      const quick = smallConfig('maxSteps=60', 'learningRate=0.01', 'validationSteps=60', 'distillation=1');
      const { model, trainer } = createTraining(quick, pairs, { readings });
      await trainer.train();
      const distance = tf.tidy(() => {
        const rows = [...taught].sort((a, b) => b.target.length - a.target.length);
        const distillation = { ...teacherTensors(rows)!, weight: 1 };
        return model.loss(pairTensors(rows), { distillation }).loss.dataSync()[0];
      });
      trainer.dispose();
      model.dispose();
      return distance;
    };
    expect(await distanceAfter([taught])).toBeLessThan((await distanceAfter(undefined)) - 0.2);
    teacher.dispose();
  });
});
