import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  beamSearch,
  ConfigError,
  greedySearch,
  InputError,
  Random,
  SequenceSearch,
  SequenceToSequence,
  type PairBatch,
  type SequenceLossOptions,
  type SequenceToSequenceOptions,
} from '../../src/index.js';

interface Numbers {
  shape: number[];
  values: number[];
}
interface Case {
  options: {
    score: 'dot';
    attend: 'top';
    layers: number;
    encoder_layers: number;
    heads?: number;
    [flag: string]: unknown;
  };
  weights: Record<string, Numbers>;
  logits: Numbers;
  attention: Numbers | null;
  loss: number;
  gradients: Record<string, Numbers>;
}
interface Golden {
  sizes: Record<'sourceVocabulary' | 'targetVocabulary' | 'embedding' | 'encoderUnits' | 'decoderUnits', number>;
  batch: {
    source: number[][];
    sourceLengths: number[];
    inputs: number[][];
    targets: number[][];
    targetLengths: number[];
  };
  smoothing: number;
  coverageLoss: number;
  cases: Record<string, Case>;
}

const golden = JSON.parse(
  readFileSync(new URL('../golden/sequenceToSequence.json', import.meta.url), 'utf8'),
) as Golden;

beforeAll(async () => {
  if (!process.env.CADENZA_TEST_BACKEND) await tf.setBackend('cpu');
});

const integers = (rows: number[][]): tf.Tensor => tf.tensor2d(rows, undefined, 'int32');
const batchOf = ({ source, sourceLengths, inputs, targets, targetLengths }: Golden['batch']): PairBatch => ({
  source: integers(source),
  sourceLengths: tf.tensor1d(sourceLengths, 'int32'),
  inputs: integers(inputs),
  targets: integers(targets),
  targetLengths: tf.tensor1d(targetLengths, 'int32'),
});

function optionsOf({
  score,
  attend,
  layers,
  encoder_layers,
  heads,
  ...flags
}: Case['options']): SequenceToSequenceOptions {
  const { sizes } = golden;
  const { tied, attendEmbeddings, ...decoder } = flags as Record<string, boolean>;
  return {
    sourceVocabularySize: sizes.sourceVocabulary,
    targetVocabularySize: sizes.targetVocabulary,
    embeddingSize: sizes.embedding,
    tieWeights: tied,
    attendEmbeddings,
    encoder: { units: sizes.encoderUnits, layers: encoder_layers },
    decoder: { units: sizes.decoderUnits, layers, score, attend, heads, ...decoder },
  };
}

/** A model with the golden weights. */
function modelOf(name: string): SequenceToSequence {
  const { options, weights } = golden.cases[name];
  const model = new SequenceToSequence(optionsOf(options), new Random(1));
  expect([...model.parameters.keys()]).toEqual(Object.keys(weights));
  for (const [key, variable] of model.parameters) {
    expect(variable.shape).toEqual(weights[key].shape);
    tf.tidy(() => variable.assign(tf.tensor(weights[key].values, weights[key].shape)));
  }
  return model;
}

/** Of steps [B, T, ...], those of which the label counts, [N, ...]. */
function valid(steps: tf.Tensor): tf.Tensor {
  const { targets } = golden.batch;
  const rows = tf.unstack(tf.reshape(steps, [targets.flat().length, steps.shape[2]!]));
  return tf.stack(rows.filter((_, index) => targets.flat()[index] >= 0));
}

const close = (actual: tf.Tensor, wanted: Numbers, tolerance: number): void => {
  expect(actual.shape).toEqual(wanted.shape);
  tf.test_util.expectArraysClose(actual.dataSync(), wanted.values, tolerance);
};

const names = Object.keys(golden.cases);

describe.each(names)('a sequence-to-sequence model (%s)', (name) => {
  const { coverage } = golden.cases[name].options;
  const lossOptions = { labelSmoothing: golden.smoothing, coverageLoss: coverage ? golden.coverageLoss : 0 };

  it('gives PyTorch’s logits, attention, loss and gradients', () => {
    const wanted = golden.cases[name];
    const model = modelOf(name);
    const batch = batchOf(golden.batch);
    const { logits, weights } = model.forward(batch);
    close(valid(logits), wanted.logits, 2e-6); // float32 against float64, logits of size 1
    if (wanted.attention) close(valid(weights.at(-1)!), wanted.attention, 1e-6);
    const variables = [...model.parameters.values()];
    const { value, grads } = tf.variableGrads(() => model.loss(batch, lossOptions).loss as tf.Scalar, variables);
    expect(value.dataSync()[0]).toBeCloseTo(wanted.loss, 5);
    for (const [key, variable] of model.parameters) close(grads[variable.name], wanted.gradients[key], 2e-6);
    model.dispose();
  });

  it('goes step by step as it goes over whole sequences', () => {
    const model = modelOf(name);
    const batch = batchOf(golden.batch);
    const { logits } = model.forward(batch);
    let state = model.start(batch);
    golden.batch.inputs[0].forEach((_, t) => {
      const step = model.step(tf.tensor1d([golden.batch.inputs[0][t], golden.batch.inputs[1][t]], 'int32'), state);
      const whole = tf.squeeze(tf.slice(logits, [0, t, 0], [2, 1, -1]), [1]);
      // The second sentence has ended by its third step.
      const rows = t === 2 ? 1 : 2;
      const first = (tensor: tf.Tensor) => tf.slice(tensor, [0, 0], [rows, -1]).dataSync();
      tf.test_util.expectArraysClose(first(step.logits), first(whole), 1e-6);
      state = step.state;
    });
    model.dispose();
  });

  it('lets the hypotheses of a sentence share its memory', () => {
    const model = modelOf(name);
    const batch = batchOf(golden.batch);
    const start = model.start(batch);
    const twice = { ...start, states: start.states.map((state) => tf.gather(state, [0, 0, 1, 1])) };
    const single = model.step(tf.tensor1d([3, 5], 'int32'), start).logits;
    const beams = model.step(tf.tensor1d([3, 4, 4, 5], 'int32'), twice).logits;
    tf.test_util.expectArraysClose(tf.gather(beams, [0, 3]).dataSync(), single.dataSync(), 1e-6);
    model.dispose();
  });

  it('leaves no tensors behind', async () => {
    const before = tf.memory().numTensors;
    const model = modelOf(name);
    const batch = batchOf(golden.batch);
    tf.dispose(Object.values(model.loss(batch, { ...lossOptions, training: true, scheduledSampling: 0.5 })));
    const start = model.start(batch);
    const options = { startToken: 1, endToken: 2, sentences: 2, maxLength: 4 };
    await beamSearch(new SequenceSearch(model), start, { ...options, beamSize: 3, nBest: 2 });
    await greedySearch(new SequenceSearch(model), start, options);
    model.disposeStart(start);
    tf.dispose(Object.values(batch) as tf.Tensor[]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the consistency of two predictions', () => {
  const regularised: SequenceToSequenceOptions = {
    ...{ sourceVocabularySize: 8, targetVocabularySize: 8, embeddingSize: 6 },
    encoder: { units: 5 },
    decoder: { units: 7, layers: 2, attend: 'every' },
    dropout: { input: 0.3, between: 0.3, output: 0.4 },
  };

  it('adds half its weight times the divergence of the two to the mean cross entropy', () => {
    for (const variational of [false, true]) {
      const model = new SequenceToSequence({ ...regularised, variational }, new Random(3));
      const batch = batchOf(golden.batch);
      const twice = Object.fromEntries(
        Object.entries(batch).map(([name, tensor]) => [name, tf.concat([tensor, tensor])]),
      ) as unknown as PairBatch;
      const training = () => ({ training: true, random: new Random(11) });
      const options = () => ({ ...training(), labelSmoothing: 0.1 });
      const { logits } = model.forward(twice, training());
      const [logP, logQ] = tf.split(tf.logSoftmax(logits), 2);
      const divergences = tf.sum(tf.mul(tf.sub(tf.exp(logP), tf.exp(logQ)), tf.sub(logP, logQ)), 2); // [B, T]
      const counted = tf.cast(tf.greaterEqual(batch.targets, 0), 'float32');
      const divergence = tf.div(tf.sum(tf.mul(divergences, counted)), tf.mul(2, tf.sum(counted))).dataSync()[0];
      const crossEntropy = model.loss(twice, options()).loss.dataSync()[0];
      const { loss, losses } = model.loss(batch, { ...options(), consistency: 3 });
      expect(divergence).toBeGreaterThan(1e-3);
      expect(loss.dataSync()[0]).toBeCloseTo(crossEntropy + 1.5 * divergence, 5);
      expect(losses.size).toBe(2 * batch.targets.size);
      model.dispose();
    }
  });

  it('changes neither loss nor gradient where no dropout makes two of them', () => {
    const model = new SequenceToSequence(regularised, new Random(3));
    const batch = batchOf(golden.batch);
    const [plain, consistent] = [0, 2].map((consistency) =>
      tf.variableGrads(() => model.loss(batch, { consistency }).loss, [...model.parameters.values()]),
    );
    expect(consistent.value.dataSync()[0]).toBeCloseTo(plain.value.dataSync()[0], 5);
    for (const [name, gradient] of Object.entries(plain.grads)) {
      tf.test_util.expectArraysClose(consistent.grads[name].dataSync(), gradient.dataSync(), 1e-6);
    }
    model.dispose();
  });

  it('has a weight of at least 0, and leaves no tensors behind', () => {
    const model = new SequenceToSequence(regularised, new Random(3));
    const batch = batchOf(golden.batch);
    const before = tf.memory().numTensors;
    tf.dispose(Object.values(model.loss(batch, { training: true, consistency: 1 })));
    expect(tf.memory().numTensors).toBe(before);
    for (const consistency of [-1, NaN, Infinity]) {
      expect(() => model.loss(batch, { consistency })).toThrow(
        `Expected consistency to be a number of at least 0, got ${consistency}`,
      );
    }
    model.dispose();
  });
});

describe('SequenceToSequence', () => {
  const small: SequenceToSequenceOptions = {
    ...{ sourceVocabularySize: 8, targetVocabularySize: 8, embeddingSize: 6 },
    encoder: { units: 5 },
    decoder: { units: 7, score: 'additive' },
  };

  it('pays no attention to padding', () => {
    const model = new SequenceToSequence({ ...small, dropout: {} }, new Random(3));
    const { source, sourceLengths, inputs, targets, targetLengths } = golden.batch;
    const padded = batchOf({
      source: source.map((row, b) => [...row.map((id, s) => (s < sourceLengths[b] ? id : 7)), 7, 7]),
      inputs: inputs.map((row) => [...row, 6]),
      targets: targets.map((row) => [...row, -1]),
      ...{ sourceLengths, targetLengths },
    });
    const [plain, other] = [batchOf(golden.batch), padded].map((batch) => model.loss(batch).loss.dataSync()[0]);
    expect(other).toBeCloseTo(plain, 6);
    model.dispose();
  });

  it.each(names)('does not read ids in padding, whatever they are (%s)', (name) => {
    const model = modelOf(name);
    const given = batchOf(golden.batch);
    const marked = (ids: tf.Tensor, lengths: tf.Tensor): tf.Tensor => {
      const valid = tf.less(tf.range(0, ids.shape[1]!, 1, 'int32'), tf.expandDims(lengths, 1));
      return tf.where(valid, ids, tf.fill(ids.shape, -1, 'int32'));
    };
    const source = marked(given.source, given.sourceLengths);
    const inputs = marked(given.inputs, given.targetLengths);
    expect([source, inputs].map((ids) => ids.dataSync().includes(-1))).toEqual([true, true]);
    const { value, grads } = tf.variableGrads(() => model.loss(given).loss);
    const other = tf.variableGrads(() => model.loss({ ...given, source, inputs }).loss);
    expect(other.value.dataSync()).toEqual(value.dataSync());
    for (const [key, { shape }] of Object.entries(grads)) {
      close(other.grads[key], { shape, values: Array.from(grads[key].dataSync()) }, 1e-6); // id 0 adds zeros
    }
    model.dispose();
  });

  it('looks at the padding of its memory once, however many layers attend to it', async () => {
    const decoder = { ...small.decoder, layers: 3, attend: 'every' as const };
    const model = new SequenceToSequence({ ...small, decoder }, new Random(3));
    const { kernelNames } = await tf.profile(() => model.forward(batchOf(golden.batch)));
    expect(model.decoder.attentions).toHaveLength(3);
    expect(kernelNames.filter((name) => name === 'CadenzaFinitePadding')).toHaveLength(1);
    model.dispose();
  });

  it('refuses inputs and targets that are not of one shape, in forward and in loss alike', () => {
    const model = new SequenceToSequence(small, new Random(3));
    const batch = batchOf(golden.batch);
    const [B, T] = batch.inputs.shape;
    const inputs = tf.zeros([B + 1, T!], 'int32');
    const message = `Expected inputs to have shape [B=${B}, T], got [${B + 1}, ${T}]`;
    expect(() => model.forward({ ...batch, inputs })).toThrow(message);
    expect(() => model.loss({ ...batch, inputs })).toThrow(message);
    const targets = tf.transpose(batch.targets);
    expect(() => model.loss({ ...batch, targets })).toThrow(
      `Expected targets to have shape [${B}, ${T}], got [${T}, ${B}]`,
    );
    model.dispose();
  });

  it('refuses a batch without target steps', () => {
    const model = modelOf('multiplicative, input feeding');
    const batch = batchOf(golden.batch);
    const none = tf.zeros([batch.inputs.shape[0], 0], 'int32');
    expect(() => model.forward({ ...batch, inputs: none })).toThrow('Expected ids to have at least one step, got none');
  });

  it('trains on a single target step, fed back or not', () => {
    const { source, sourceLengths } = batchOf(golden.batch);
    const [B] = source.shape;
    const one = { inputs: tf.ones([B, 1], 'int32'), targets: tf.ones([B, 1], 'int32') };
    const batch = { source, sourceLengths, ...one, targetLengths: tf.ones([B], 'int32') };
    const gradients = (decoder: object) => {
      const model = new SequenceToSequence(
        { ...small, decoder: { ...small.decoder, ...decoder }, dropout: {} },
        new Random(3),
      );
      return tf.variableGrads(() => model.loss(batch).loss, [...model.parameters.values()]);
    };
    for (const decoder of [{}, { inputFeeding: true }, { coverage: true }]) {
      const { value, grads } = gradients(decoder);
      expect(value.dataSync()[0]).toBeGreaterThan(0);
      const first = Object.values(grads)[0];
      expect(tf.max(tf.abs(first)).dataSync()[0]).toBeGreaterThan(0);
    }
  });

  it('trains by a loss on its attention, where its gradient is asked for', () => {
    const batch = batchOf(golden.batch);
    const gradients = (options: SequenceToSequenceOptions, needWeightsGradient: boolean) => {
      const model = new SequenceToSequence(options, new Random(3));
      const { grads } = tf.variableGrads(() => {
        const { weights, logits } = model.forward(batch, { needWeightsGradient });
        return tf.add(tf.sum(tf.square(weights[0])), tf.mul(tf.sum(logits), 0)) as tf.Scalar;
      });
      const largest = Math.max(...Object.values(grads).map((gradient) => tf.max(tf.abs(gradient)).dataSync()[0]));
      model.dispose();
      return largest;
    };
    expect(gradients(small, true)).toBeGreaterThan(1e-3);
    expect(gradients(small, false)).toBe(0);
    const fed = { ...small, decoder: { ...small.decoder, inputFeeding: true } };
    expect(gradients(fed, true)).toBeGreaterThan(1e-3);
  });

  it('gives each pair the log-probability of its tokens', () => {
    const model = new SequenceToSequence(small, new Random(3));
    const batch = batchOf(golden.batch);
    const { losses } = model.loss(batch);
    const [a, b, c, d, e] = losses.dataSync();
    const [first, second] = model.logProbabilities(batch).dataSync();
    expect(first).toBeCloseTo(-(a + b + c), 5);
    expect(second).toBeCloseTo(-(d + e), 5);
    model.dispose();
  });

  it('finds by beam search what it scores the same', async () => {
    const model = new SequenceToSequence(small, new Random(4));
    const batch = batchOf(golden.batch);
    const start = model.start(batch);
    const found = await beamSearch(new SequenceSearch(model), start, {
      ...{ startToken: 1, endToken: 2, sentences: 2, maxLength: 5, beamSize: 4 },
    });
    const T = Math.max(...found.map(([best]) => best.tokens.length)) + 1;
    const pad = (ids: number[], filler: number): number[] => [...ids, ...Array<number>(T - ids.length).fill(filler)];
    const scored = model.logProbabilities(
      batchOf({
        ...golden.batch,
        inputs: found.map(([best]) => pad([1, ...best.tokens], 0)),
        targets: found.map(([best]) => pad([...best.tokens, 2], -1)),
        targetLengths: found.map(([best]) => best.tokens.length + 1),
      }),
    );
    found.forEach(([best], row) => expect(scored.dataSync()[row]).toBeCloseTo(best.logProbability, 4));
    model.dispose();
  });

  it('drops out differently at each call, and not at all outside of training', () => {
    const dropout = {
      embedding: 0.2,
      input: 0.3,
      context: 0.3,
      between: 0.3,
      output: 0.3,
      recurrent: 0.2,
      weight: 0.2,
    };
    const model = new SequenceToSequence({ ...small, dropout }, new Random(5));
    const batch = batchOf(golden.batch);
    const loss = (training: boolean, random?: Random): number =>
      model.loss(batch, { training, random }).loss.dataSync()[0];
    expect(loss(false)).toBe(loss(false));
    expect(loss(true, new Random(1))).toBe(loss(true, new Random(1)));
    expect(loss(true, new Random(1))).not.toBe(loss(true, new Random(2)));
    model.dispose();
  });

  it('shares one table between both sides where it is told to', () => {
    const model = new SequenceToSequence({ ...small, shareEmbeddings: true, tieWeights: true }, new Random(6));
    expect([...model.parameters.keys()].filter((name) => /embedding|output/i.test(name))).toEqual([
      'embedding',
      'decoder.output.bias',
    ]);
    model.dispose();
  });

  it('learns to copy ten sequences, by heart', () => {
    const random = new Random(7);
    const model = new SequenceToSequence(
      { ...small, embeddingSize: 16, encoder: { units: 16 }, decoder: { units: 24 } },
      random,
    );
    const rows = Array.from({ length: 10 }, () => Array.from({ length: 4 }, () => 3 + random.integer(5)));
    const batch = batchOf({
      source: rows,
      sourceLengths: rows.map(() => 4),
      inputs: rows.map((row) => [1, ...row]),
      targets: rows.map((row) => [...row, 2]),
      targetLengths: rows.map(() => 5),
    });
    const variables = [...model.parameters.values()];
    const optimizer = tf.train.adam(0.02);
    for (let step = 0; step < 60; step++)
      optimizer.minimize(() => model.loss(batch).loss as tf.Scalar, false, variables);
    expect(model.loss(batch).loss.dataSync()[0]).toBeLessThan(0.05);
    model.dispose();
  });

  it('is made again from its JSON', () => {
    const model = new SequenceToSequence(small, new Random(8));
    const again = new SequenceToSequence(JSON.parse(JSON.stringify(model)), new Random(8));
    expect(again.config).toEqual(model.config);
    const batch = batchOf(golden.batch);
    expect(again.loss(batch).loss.dataSync()[0]).toBe(model.loss(batch).loss.dataSync()[0]);
    for (const one of [model, again]) one.dispose();
  });

  it.each([
    [{ ...small, units: 5 }, /Expected an option that SequenceToSequence knows, got units/],
    [{ ...small, encoder: { units: 0 } }, /Expected encoder.units to be a positive integer, got 0/],
    [
      { ...small, encoder: { units: 5, layers: 2, bidirectional: 3 } },
      /encoder.bidirectional to be a number of layers/,
    ],
    [{ ...small, decoder: { units: 7, score: 'aditive' } }, /did you mean additive/],
    [
      { ...small, decoder: { units: 7, score: 'dot', coverage: true } },
      /Expected coverage to be false for the score dot/,
    ],
    [
      { ...small, decoder: { ...small.decoder, score: 'none' as const }, attendEmbeddings: true },
      'Expected attendEmbeddings to be false without attention, got true',
    ],
    [{ ...small, targetVocabularySize: 9, shareEmbeddings: true }, /Expected targetVocabularySize to be sourceVocab/],
    [{ ...small, dropout: { inputs: 0.1 } }, /did you mean input/],
  ])('refuses what it cannot be (%#)', (options, message) => {
    expect(() => new SequenceToSequence(options as SequenceToSequenceOptions, new Random(1))).toThrow(ConfigError);
    expect(() => new SequenceToSequence(options as SequenceToSequenceOptions, new Random(1))).toThrow(message);
  });

  it.each<[SequenceLossOptions, string]>([
    [{ scheduledSampling: -0.5 }, 'Expected scheduledSampling to be a number of [0, 1], got -0.5'],
    [{ scheduledSampling: NaN }, 'Expected scheduledSampling to be a number of [0, 1], got NaN'],
    [{ coverageLoss: -1 }, 'Expected coverageLoss to be a number of at least 0, got -1'],
    [{ coverageLoss: NaN }, 'Expected coverageLoss to be a number of at least 0, got NaN'],
  ])('refuses a loss with %o', (options, message) => {
    const model = new SequenceToSequence({ ...small, decoder: { ...small.decoder, coverage: true } }, new Random(9));
    const loss = () => model.loss(batchOf(golden.batch), options);
    expect(loss).toThrow(ConfigError);
    expect(loss).toThrow(message);
    model.dispose();
  });

  it('refuses options of its calls that it does not know, naming the nearest', () => {
    const model = new SequenceToSequence(small, new Random(9));
    const batch = batchOf(golden.batch);
    expect(() => model.loss(batch, { smoothing: 0.1 } as never)).toThrow(
      'Expected an option that loss knows, got smoothing; did you mean labelSmoothing?',
    );
    expect(() => model.forward(batch, { train: true } as never)).toThrow(/forward knows, got train; .* training\?/);
    expect(() => model.start(batch, { train: true } as never)).toThrow(/start knows, got train/);
    const start = model.start(batch);
    expect(() => model.decoder.decode(batch.inputs, start, { train: true } as never)).toThrow(/decode of .* got train/);
    model.disposeStart(start);
    model.dispose();
  });

  it('refuses a coverage loss without coverage', () => {
    const model = new SequenceToSequence(small, new Random(9));
    expect(() => model.loss(batchOf(golden.batch), { coverageLoss: 1 })).toThrow(InputError);
    model.dispose();
  });
});
