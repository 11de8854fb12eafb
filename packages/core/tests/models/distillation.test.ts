import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  maskedMean,
  Random,
  SequenceToSequence,
  softmaxCrossEntropy,
  teacherPredictions,
  type PairBatch,
  type TeacherPredictions,
} from '../../src/index.js';
import { meanLogProbabilities, teacherDifference } from '../../src/models/distillation.js';
import { topLogProbabilities } from '../../src/ops/index.js';

interface Case {
  name: string;
  shape: [number, number, number];
  kept: number;
  weight: number;
  smoothing: number;
  logits: number[];
  labels: number[];
  teachers: number[][];
  ids: number[];
  probabilities: number[];
  loss: number;
  dlogits: number[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/distillation.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

const modelOf = (seed: number, targetVocabularySize = 8): SequenceToSequence =>
  new SequenceToSequence(
    {
      ...{ sourceVocabularySize: 9, targetVocabularySize, embeddingSize: 6 },
      encoder: { units: 5 },
      decoder: { units: 7 },
      dropout: { input: 0.3, output: 0.4 },
    },
    new Random(seed),
  );

/** Two pairs, of 3 and 2 target tokens. */
const batchOf = (): PairBatch => ({
  source: tf.tensor2d([3, 4, 2, 5, 2, 0], [2, 3], 'int32'),
  sourceLengths: tf.tensor1d([3, 2], 'int32'),
  inputs: tf.tensor2d([1, 6, 4, 1, 7, 0], [2, 3], 'int32'),
  targets: tf.tensor2d([6, 4, 2, 7, 2, -1], [2, 3], 'int32'),
  targetLengths: tf.tensor1d([3, 2], 'int32'),
});

beforeAll(async () => {
  if (!process.env.CADENZA_TEST_BACKEND) await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

describe('learning from teachers', () => {
  it.each(golden.cases)('has the loss and the gradient of PyTorch for $name', (wanted) => {
    const [B, T, V] = wanted.shape;
    const { weight, smoothing, kept } = wanted;
    const labels = tf.tensor1d(wanted.labels, 'int32');
    const teacher: TeacherPredictions = {
      ids: tf.tensor3d(wanted.ids, [B, T, kept], 'int32'),
      probabilities: tf.tensor3d(wanted.probabilities, [B, T, kept]),
    };
    const loss = (logits: tf.Tensor): tf.Scalar =>
      tf.add(
        maskedMean(softmaxCrossEntropy(logits, labels, { smoothing }), labels),
        tf.mul(maskedMean(teacherDifference(logits, labels, teacher), labels), weight * (1 - smoothing)),
      );
    const logits = tf.tensor2d(wanted.logits, [B * T, V]);
    expect(loss(logits).dataSync()[0]).toBeCloseTo(wanted.loss, 5); // float32 against float64
    tf.test_util.expectArraysClose(tf.grad(loss)(logits).dataSync(), wanted.dlogits, 1e-6);
  });

  it.each(golden.cases)('keeps of the teachers’ average what PyTorch keeps for $name', (wanted) => {
    const [B, T, V] = wanted.shape;
    const members = wanted.teachers.map((said) => tf.tensor2d(said, [B * T, V]));
    const { values, ids } = topLogProbabilities(meanLogProbabilities(members.map((one) => () => one)), wanted.kept);
    expect(Array.from(ids.dataSync())).toEqual(wanted.ids);
    tf.test_util.expectArraysClose(tf.softmax(values).dataSync(), wanted.probabilities, 1e-6);
  });

  it('sums the gradients of the chosen logits without a walk through all of them', async () => {
    const { ids, labels, logits, probabilities } = tokensOf(50);
    const loss = (x: tf.Tensor): tf.Tensor => tf.sum(teacherDifference(x, labels, { ids, probabilities }));
    const { kernelNames } = await tf.profile(() => tf.grad(loss)(logits));
    expect(kernelNames).toContain('CadenzaEmbeddingGrad');
    expect(kernelNames).not.toContain('UnsortedSegmentSum'); // which cpu does by a mask of all ids for each logit
  });

  it.each([-1, 50])('refuses %i as a token of 50', (id) => {
    const { labels, logits, probabilities } = tokensOf(50);
    const ids = tf.tensor3d([0, 1, 2, id], [1, 2, 2], 'int32');
    expect(() => teacherDifference(logits, labels, { ids, probabilities })).toThrow(
      `Expected ids to be of [0, 50), got ${id} at position 3`,
    );
  });
});

/** Two places, of which a teacher says two of V tokens each. */
function tokensOf(V: number) {
  return {
    logits: tf.zeros([2, V]),
    labels: tf.tensor1d([3, 4], 'int32'),
    ids: tf.tensor3d([0, 1, 2, 1], [1, 2, 2], 'int32'),
    probabilities: tf.fill([1, 2, 2], 0.5),
  };
}

describe('teacherPredictions', () => {
  it('are the most probable tokens of the models’ mean probabilities, without dropout, as parts of 1', () => {
    const models = [modelOf(1), modelOf(2)];
    const batch = batchOf();
    const { ids, probabilities } = teacherPredictions(models, batch, 3);
    const mean = tf.div(tf.addN(models.map((model) => tf.softmax(model.forward(batch).logits))), 2);
    const best = tf.topk(mean, 3);
    expect(ids.shape).toEqual([2, 3, 3]);
    expect(ids.dtype).toBe('int32');
    expect(Array.from(ids.dataSync())).toEqual(Array.from(best.indices.dataSync()));
    const shares = tf.div(best.values, tf.sum(best.values, 2, true));
    tf.test_util.expectArraysClose(probabilities.dataSync(), shares.dataSync(), 1e-6);
    // Those of one model are its own.
    const alone = teacherPredictions([models[1]], batch, 8);
    const own = tf.topk(tf.softmax(models[1].forward(batch).logits), 8);
    expect(Array.from(alone.ids.dataSync())).toEqual(Array.from(own.indices.dataSync()));
    tf.test_util.expectArraysClose(alone.probabilities.dataSync(), own.values.dataSync(), 1e-6);
    for (const model of models) model.dispose();
  });

  it('take the memory of one model’s logits after another’s, however many models there are', () => {
    const models = [1, 2, 3, 4].map((seed) => modelOf(seed));
    const batch = batchOf();
    const held: number[] = [];
    for (const model of models) {
      const forward = model.forward.bind(model);
      vi.spyOn(model, 'forward').mockImplementation((...given) => {
        held.push(tf.memory().numTensors);
        return forward(...given);
      });
    }
    teacherPredictions(models, batch, 3);
    expect(held).toEqual([held[0], ...Array<number>(3).fill(held[0] + 1)]); // the sum of those before
    for (const model of models) model.dispose();
  });

  it('need a teacher, one vocabulary, and no more tokens than it has', () => {
    const [one, other] = [modelOf(1), modelOf(1, 10)];
    const batch = batchOf();
    expect(() => teacherPredictions([], batch, 3)).toThrow('Expected at least one teacher, got none');
    expect(() => teacherPredictions([one, other], batch, 3)).toThrow(
      'Expected the targetVocabularySize of every teacher to be that of the first, 8, got 10',
    );
    expect(() => teacherPredictions([one], batch, 9)).toThrow(/Expected k to be an integer from 1 to 8/);
    for (const model of [one, other]) model.dispose();
  });
});

describe('the loss of a model that is taught', () => {
  const teacherOf = (batch: PairBatch): TeacherPredictions => {
    const teacher = modelOf(7);
    const said = teacherPredictions([teacher], batch, 4);
    teacher.dispose();
    return said;
  };

  it('is the cross entropy against labels and teachers mixed, and the gradient its own', () => {
    const model = modelOf(3);
    const batch = batchOf();
    const teacher = teacherOf(batch);
    const [smoothing, weight] = [0.1, 0.6];
    const counted = tf.cast(tf.greaterEqual(batch.targets, 0), 'float32'); // [B, T]
    const definition = (): tf.Scalar => {
      const logP = tf.logSoftmax(model.forward(batch).logits); // [B, T, V]
      const labels = tf.cast(tf.oneHot(tf.cast(tf.relu(batch.targets), 'int32'), 8), 'float32');
      const rows = tf.oneHot(teacher.ids as tf.Tensor3D, 8); // [B, T, K, V]
      const taught = tf.sum(tf.mul(tf.cast(rows, 'float32'), tf.expandDims(teacher.probabilities, 3)), 2);
      const mixed = tf.add(tf.mul(labels, 1 - weight), tf.mul(taught, weight));
      const smooth = tf.add(tf.mul(mixed, 1 - smoothing), smoothing / 8);
      const losses = tf.neg(tf.sum(tf.mul(smooth, logP), 2));
      return tf.div(tf.sum(tf.mul(losses, counted)), tf.sum(counted));
    };
    const variables = [...model.parameters.values()];
    const wanted = tf.variableGrads(definition, variables);
    const options = { labelSmoothing: smoothing, distillation: { ...teacher, weight } };
    const got = tf.variableGrads(() => model.loss(batch, options).loss, variables);
    expect(got.value.dataSync()[0]).toBeCloseTo(wanted.value.dataSync()[0], 5);
    for (const { name } of variables) {
      tf.test_util.expectArraysClose(got.grads[name].dataSync(), wanted.grads[name].dataSync(), 1e-6);
    }
    // What it calls the cross entropy of each token is against the labels alone.
    const plain = model.loss(batch, { labelSmoothing: smoothing });
    expect(model.loss(batch, options).losses.dataSync()).toEqual(plain.losses.dataSync());
    model.dispose();
  });

  it('adds up with the consistency of two predictions, of which each is taught', () => {
    const model = modelOf(3);
    const batch = batchOf();
    const teacher = teacherOf(batch);
    const of = (options: Parameters<SequenceToSequence['loss']>[1]): number =>
      model.loss(batch, options).loss.dataSync()[0];
    const distillation = { ...teacher, weight: 0.6 };
    // Without dropout both passes are the same.
    expect(of({ distillation, consistency: 2 })).toBeCloseTo(of({ distillation }), 5);
    expect(of({ distillation })).not.toBeCloseTo(of({}), 2);
    model.dispose();
  });

  it('has no gradient where the teacher says what the model does', () => {
    const model = modelOf(3);
    const batch = batchOf();
    const own = teacherPredictions([model], batch, 8);
    const { grads } = tf.variableGrads(
      () => model.loss(batch, { distillation: { ...own, weight: 1 } }).loss,
      [...model.parameters.values()],
    );
    for (const gradient of Object.values(grads)) {
      expect(Math.max(...gradient.dataSync().map(Math.abs))).toBeLessThan(1e-6);
    }
    model.dispose();
  });

  it('refuses what does not fit, and leaves no tensors behind', () => {
    const model = modelOf(3);
    const batch = batchOf();
    const { ids, probabilities } = teacherOf(batch);
    const before = tf.memory().numTensors;
    const loss = (distillation: TeacherPredictions & { weight: number }) => model.loss(batch, { distillation });
    tf.dispose(Object.values(loss({ ids, probabilities, weight: 0.5 })));
    for (const weight of [-0.1, 1.1, NaN]) {
      expect(() => loss({ ids, probabilities, weight })).toThrow(
        `Expected distillation.weight to be a number of [0, 1], got ${weight}`,
      );
    }
    const two = tf.tidy(() => tf.slice(ids, [0, 0, 0], [2, 2, 4]));
    expect(() => loss({ ids: two, probabilities, weight: 0.5 })).toThrow(
      'Expected the probabilities of the teacher to have shape [2, 2, 4], got [2, 3, 4]',
    );
    const short = tf.tidy(() => tf.slice(probabilities, [0, 0, 0], [2, 2, 4]));
    expect(() => loss({ ids: two, probabilities: short, weight: 0.5 })).toThrow(
      'Expected the teacher to be what it says of 6 tokens, got 4',
    );
    const floats = tf.cast(ids, 'float32');
    expect(() => loss({ ids: floats, probabilities, weight: 0.5 })).toThrow(
      'Expected the ids of the teacher to be of type int32, got float32',
    );
    tf.dispose([two, short, floats]);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
