import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/errors.js';
import {
  packWeights,
  RecurrentLanguageModel,
  roundWeights,
  SequenceToSequence,
  unpackWeights,
} from '../../src/models/index.js';
import { Random } from '../../src/random.js';
import { decodeSafetensors, encodeSafetensors, readTensors, type TensorData } from '../../src/training/portable.js';

let weights: Map<string, TensorData>;

beforeAll(async () => {
  await tf.setBackend('cpu');
  const model = new RecurrentLanguageModel(
    { vocabularySize: 7, hiddenSize: 5, embeddingSize: 3, tieWeights: true, cell: 'gru', layerNorm: true },
    new Random(4),
  );
  weights = await readTensors(model.parameters);
});

function throughAFile(format: 'f32' | 'bf16' | 'int8') {
  const pieces = [...encodeSafetensors(packWeights(weights, format), { weights: format })];
  const bytes = Buffer.concat(pieces);
  return { bytes, ...decodeSafetensors(bytes, 'the file') };
}

describe('packed weights', () => {
  it('come back from a file: float32 exactly, bf16 and int8 nearly, biases and norms exactly', () => {
    const relative = { f32: 0, bf16: 2 ** -8, int8: 1 / 250 };
    for (const format of ['f32', 'bf16', 'int8'] as const) {
      const { tensors } = throughAFile(format);
      const back = unpackWeights(tensors);
      expect([...back.keys()].sort()).toEqual([...weights.keys()].sort());
      for (const [name, { shape, values }] of weights) {
        const got = back.get(name)!;
        expect(got).toMatchObject({ dtype: 'float32', shape });
        if (/bias|norm/.test(name)) expect(got.values).toEqual(values);
        const largest = Math.max(...values.map(Math.abs));
        got.values.forEach((value, index) =>
          expect(Math.abs(value - values[index])).toBeLessThanOrEqual(relative[format] * largest),
        );
      }
    }
  });

  it('take the bytes they should', () => {
    const sizes = (['f32', 'bf16', 'int8'] as const).map((format) => {
      const tensors = [...packWeights(weights, format).values()];
      return tensors.reduce((sum, { values }) => sum + values.byteLength, 0);
    });
    const matrices = [...weights].filter(([name]) => /kernel|Kernel|projection|embedding/.test(name));
    const count = matrices.reduce((sum, [, { values }]) => sum + values.length, 0);
    const columns = 15 + 15 + 3 + 7; // of both kernels and of the projection; the rows of the embedding
    expect(sizes[0] - sizes[1]).toBe(2 * count);
    expect(sizes[0] - sizes[2]).toBe(3 * count - 4 * columns);
  });

  it('are quantised by output unit, the embedding by token', () => {
    const packed = packWeights(weights, 'int8');
    expect(packed.get('layers.0.kernel')).toMatchObject({ dtype: 'int8', shape: [3, 15] });
    expect(packed.get('layers.0.kernel.scales')).toMatchObject({ dtype: 'float32', shape: [1, 15] });
    expect(packed.get('embedding.scales')).toMatchObject({ dtype: 'float32', shape: [7, 1] });
    expect(packed.get('layers.0.bias')).toMatchObject({ dtype: 'float32', shape: [2, 15] });
  });

  it('are the same whether they went through a file or not', () => {
    for (const format of ['f32', 'bf16', 'int8'] as const) {
      const rounded = roundWeights(weights, format);
      const { tensors } = throughAFile(format);
      for (const [name, data] of unpackWeights(tensors)) expect(rounded.get(name)).toEqual(data);
      expect(rounded.size).toBe(weights.size);
    }
  });

  it('do not change when they are packed again', () => {
    for (const format of ['bf16', 'int8'] as const) {
      const once = unpackWeights(throughAFile(format).tensors);
      expect(packWeights(once, format)).toEqual(packWeights(weights, format));
    }
  });

  it('make a model whose int8 steps hold the same numbers', async () => {
    const options = { vocabularySize: 7, hiddenSize: 5, embeddingSize: 5, tieWeights: true };
    const model = new RecurrentLanguageModel(options, new Random(4));
    const before = model.stepModel('int8')!;
    const rounded = roundWeights(await readTensors(model.parameters), 'int8');
    for (const [name, { values, shape }] of rounded) model.parameters.get(name)!.assign(tf.tensor(values, shape));
    const after = model.stepModel('int8')!;
    expect(after.layers).toEqual(before.layers);
    expect(after.output).toEqual(before.output);
  });

  it('of a model of sequences hold all its matrices small, and come back', async () => {
    const sizes = { sourceVocabularySize: 7, targetVocabularySize: 6, embeddingSize: 4 };
    const encoder = { units: 3, layers: 2, bidirectional: 1 };
    const decoder = { units: 5, score: 'additive', coverage: true } as const;
    const model = new SequenceToSequence({ ...sizes, encoder, decoder }, new Random(4));
    const own = await readTensors(model.parameters);
    const packed = packWeights(own, 'int8');
    for (const [name, { shape, values }] of own) {
      const isMatrix = shape.length === 2;
      expect([name, packed.get(name)!.dtype]).toEqual([name, isMatrix ? 'int8' : 'float32']);
      const got = roundWeights(own, 'int8').get(name)!;
      const largest = Math.max(...values.map(Math.abs));
      got.values.forEach((value, index) =>
        expect(Math.abs(value - values[index])).toBeLessThanOrEqual(isMatrix ? largest / 250 : 0),
      );
    }
    expect(packed.get('sourceEmbedding.scales')!.shape).toEqual([7, 1]);
    expect(packed.get('decoder.attention.0.keyKernel.scales')!.shape).toEqual([1, 5]);
    model.dispose();
  });

  it('are refused with scales that do not fit, and not made of numbers that are not finite', () => {
    const { tensors } = throughAFile('int8');
    tensors.get('embedding.scales')!.shape = [7];
    expect(() => unpackWeights(tensors)).toThrow(CheckpointError);
    expect(() => unpackWeights(tensors)).toThrow(
      'Expected embedding.scales to have shape [1, 3] or [7, 1], got [7]; the file is damaged',
    );
    const lonely = packWeights(weights, 'int8');
    lonely.delete('embedding.scales');
    expect(() => unpackWeights(lonely)).toThrow('Expected embedding.scales beside embedding, got none');
    const broken = new Map(weights).set('embedding', {
      ...weights.get('embedding')!,
      values: new Float32Array(21).fill(NaN),
    });
    expect(() => packWeights(broken, 'int8')).toThrow(/finite to become int8, got NaN at index 0, in embedding/);
  });
});
