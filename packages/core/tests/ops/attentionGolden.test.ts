import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttentionScore } from '../../src/ops/attention.js';
import { attention, softmaxCrossEntropy } from '../../src/ops/index.js';
import { distance } from './recurrentCases.js';

interface Numbers {
  shape: number[];
  values: number[];
}
interface Golden {
  attention: {
    name: string;
    score: AttentionScore;
    scale: number | null;
    lengths: number[] | null;
    inputs: Record<string, Numbers>;
    gradients: Record<string, Numbers>;
    context: Numbers;
    weights: Numbers;
    dcontext: Numbers;
    dweights: Numbers;
  }[];
  crossEntropy: {
    smoothing: number;
    logits: Numbers;
    labels: number[];
    losses: Numbers;
    dy: Numbers;
    dlogits: Numbers;
  }[];
}

const golden = JSON.parse(readFileSync(new URL('../golden/attention.json', import.meta.url), 'utf8')) as Golden;
const tensor = ({ values, shape }: Numbers) => tf.tensor(values, shape, 'float32');

// PyTorch computed in float64; ours rounds to float32, 6e-8 an operation, over sums of about twenty terms.
const TOLERANCE = 2e-6;

describe('PyTorch agrees', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(golden.attention)('on $name attention: context, weights and all gradients', (entry) => {
    const names = Object.keys(entry.inputs);
    const inputs = names.map((name) => tensor(entry.inputs[name]));
    const run = ([query, keys, values, vector]: tf.Tensor[]) =>
      attention(query, keys, values, {
        ...{ score: entry.score, scale: entry.scale ?? undefined, vector, needWeightsGradient: true },
        lengths: entry.lengths ? tf.tensor1d(entry.lengths, 'int32') : undefined,
      });
    const gradients = tf.grads((...given) => {
      const { context, weights } = run(given);
      const [dcontext, dweights] = [tensor(entry.dcontext), tensor(entry.dweights)];
      return tf.add(tf.sum(tf.mul(context, dcontext)), tf.sum(tf.mul(weights, dweights)));
    })(inputs);
    const { context, weights } = run(inputs);
    const far = Object.fromEntries(names.map((name, k) => [name, off(gradients[k], entry.gradients[name])]));
    expect({ ...far, context: off(context, entry.context), weights: off(weights, entry.weights) }).toEqual(
      Object.fromEntries([...names, 'context', 'weights'].map((name) => [name, 0])),
    );
  });

  it.each(golden.crossEntropy)('on the cross entropy with $smoothing of its labels smoothed', (entry) => {
    const { smoothing, logits, labels, losses, dy, dlogits } = entry;
    const loss = (l: tf.Tensor) => softmaxCrossEntropy(l, tf.tensor1d(labels, 'int32'), { smoothing });
    expect(off(loss(tensor(logits)), losses)).toBe(0);
    expect(off(tf.grad((l) => tf.sum(tf.mul(loss(l), tensor(dy))))(tensor(logits)), dlogits)).toBe(0);
  });
});

/** 0 where all numbers agree, else by how much they do not. */
function off(got: tf.Tensor, wanted: Numbers): number {
  const far = distance(got.dataSync(), wanted.values);
  return far < TOLERANCE ? 0 : far;
}
