import { Random, teacherPredictions, type SequenceToSequence } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodePairs,
  pairTensors,
  teacherTensors,
  trainingSource,
  type PairRows,
  type PairTeacher,
} from '../src/batches.js';
import { teach } from '../src/distillation.js';
import { createModel } from '../src/model.js';
import { createTraining } from '../src/train.js';
import { prepared, smallConfig } from './pairs.js';

beforeAll(() => tf.setBackend('cpu'));

const config = smallConfig('mergeDropout=0.5', 'distillation=0.8');
const pairs = prepared(config);
const encoded = encodePairs(pairs.train, pairs.codec);
const teachers = (): SequenceToSequence[] =>
  [1, 2].map((seed) => createModel(config, pairs.codec, new Random(seed).fork('teacher')));

describe('teach', () => {
  it('keeps for each pair what the teachers say of it, whatever pairs stand beside it in a batch', async () => {
    const models = teachers();
    const before = tf.memory().numTensors;
    const progress: number[] = [];
    const taught = (await teach(models, encoded, { onProgress: (done) => progress.push(done) }))!;
    expect(tf.memory().numTensors).toBe(before);
    expect(progress.at(-1)).toBe(encoded.length);
    taught.forEach(({ count, ids, probabilities }, index) => {
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
    expect(await teach(models, encoded, { signal: AbortSignal.abort() })).toBeUndefined();
    for (const model of models) model.dispose();
  });
});

describe('pairs that are taught', () => {
  const taught: PairTeacher[] = encoded.map(({ target }, index) => ({
    count: 2,
    ids: Int32Array.from({ length: 2 * target.length }, (_, place) => 100 * index + place),
    probabilities: new Float32Array(2 * target.length).fill(0.5),
  }));

  it('keep the merges of their targets, which the teachers read, and drop those of their sources', () => {
    const source = trainingSource(pairs.train, pairs.codec, config, new Random(1), taught);
    let dropped = 0;
    for (let count = 0; count < 2 * source.batchesPerEpoch; count++) {
      for (const pair of (source.next() as PairRows).pairs) {
        const index = pair.teacher!.ids[0] / 100;
        expect(pair.target).toEqual(encoded[index].target);
        expect(pair.teacher).toBe(taught[index]);
        if (pair.source.length > encoded[index].source.length) dropped++;
      }
    }
    expect(dropped).toBeGreaterThan(0);
  });

  it('stand in the rows of a batch as their targets do, padded with what has no share', () => {
    const chosen = [5, 2].map((index) => ({ ...encoded[index], teacher: taught[index] })); // the longest and a short one
    const [ids, probabilities] = tf.tidy(() => {
      const said = teacherTensors(chosen)!;
      expect(said.ids.shape).toEqual([2, encoded[5].target.length, 2]);
      return [said.ids.arraySync() as number[][][], said.probabilities.arraySync() as number[][][]];
    });
    expect(ids[0].flat()).toEqual(Array.from(taught[5].ids));
    const { length } = encoded[2].target;
    expect(ids[1].slice(0, length).flat()).toEqual(Array.from(taught[2].ids));
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
    const taught = encoded.map(({ target }) => ({
      ...{ count: 1, ids: target, probabilities: new Float32Array(target.length).fill(1) },
    }));
    const [plain, learning] = [undefined, taught].map((one) => createTraining(settings, pairs, { taught: one }));
    expect(learning.config.training.distillation).toBe(share);
    expect(plain.config.training.distillation).toBe(settings.training.distillation);
    for (const { model, trainer } of [plain, learning]) {
      trainer.dispose();
      model.dispose();
    }
  });

  it('comes nearer to what they say than training without them', async () => {
    const [teacher] = teachers();
    const taught = (await teach([teacher], encoded))!;
    const distanceAfter = async (told: readonly PairTeacher[] | undefined): Promise<number> => {
      const quick = smallConfig('maxSteps=60', 'learningRate=0.01', 'validationSteps=60', 'distillation=1');
      const { model, trainer } = createTraining(quick, pairs, { taught: told });
      await trainer.train();
      const distance = tf.tidy(() => {
        const rows = encoded.map((pair, index) => ({ ...pair, teacher: taught[index] }));
        rows.sort((a, b) => b.target.length - a.target.length);
        const distillation = { ...teacherTensors(rows)!, weight: 1 };
        return model.loss(pairTensors(rows), { distillation }).loss.dataSync()[0];
      });
      trainer.dispose();
      model.dispose();
      return distance;
    };
    expect(await distanceAfter(taught)).toBeLessThan((await distanceAfter(undefined)) - 0.2);
    teacher.dispose();
  });
});
