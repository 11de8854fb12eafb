import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/errors.js';
import { adamStep, adamSteps, lerp } from '../../src/ops/index.js';
import { distance, draw } from './recurrentCases.js';

describe('adamStep', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it('moves by the learning rate against the sign at its first step', () => {
    const [m, v] = [tf.zeros([2]), tf.zeros([2])];
    const { parameter } = adamStep({
      ...{ parameter: tf.tensor1d([1, 1]), gradient: tf.tensor1d([0.3, -20]), m, v },
      ...{ learningRate: 0.1, step: 1 },
    });
    expect(distance(parameter.dataSync(), [0.9, 1.1])).toBeLessThan(1e-6);
  });

  it('scales the gradient before everything else', () => {
    const { floats } = draw(1);
    const state = { parameter: floats([7]), m: floats([7], 0.1), v: tf.square(floats([7])) };
    const gradient = floats([7]);
    const scaled = adamStep({ ...state, gradient, learningRate: 0.1, step: 3, gradientScale: 0.25 });
    const wanted = adamStep({ ...state, gradient: tf.mul(gradient, 0.25), learningRate: 0.1, step: 3 });
    // A quarter is exact in float32.
    for (const key of ['parameter', 'm', 'v'] as const) {
      expect([...scaled[key].dataSync()]).toEqual([...wanted[key].dataSync()]);
    }
  });

  it('leaves what it was given, and makes three tensors', () => {
    const given = { parameter: tf.tensor1d([1]), gradient: tf.tensor1d([1]), m: tf.zeros([1]), v: tf.zeros([1]) };
    const before = tf.memory().numTensors;
    adamStep({ ...given, learningRate: 0.1, step: 1 });
    expect(tf.memory().numTensors).toBe(before + 3);
    expect(given.parameter.dataSync()[0]).toBe(1);
  });

  it('moves many parameters as it moves each alone', () => {
    const { floats } = draw(2);
    const given = [[7], [2, 3], []].map((shape, index) => ({
      ...{ parameter: floats(shape), gradient: floats(shape), m: floats(shape, 0.1), v: tf.square(floats(shape)) },
      weightDecay: 0.1 * index,
    }));
    const options = { learningRate: 0.1, step: 3, gradientScale: 0.5 };
    const together = adamSteps(given, options);
    expect(together).toHaveLength(3);
    given.forEach((one, index) => {
      const alone = adamStep({ ...one, ...options });
      for (const key of ['parameter', 'm', 'v'] as const) {
        expect(together[index][key].shape).toEqual(one.parameter.shape);
        expect([...together[index][key].dataSync()]).toEqual([...alone[key].dataSync()]);
      }
    });
    expect(adamSteps([], options)).toEqual([]);
  });

  it('refuses shapes that differ and a step that is not counted from 1', () => {
    const given = {
      parameter: tf.zeros([2]),
      gradient: tf.zeros([2]),
      m: tf.zeros([2]),
      v: tf.zeros([2]),
      learningRate: 1,
    };
    const unknown = { ...given, step: 1, lr: 1 };
    expect(() => adamStep(unknown)).toThrow('Expected an option that adamStep knows, got lr');
    expect(() => adamSteps([], unknown)).toThrow(/adamSteps knows/);
    expect(() => adamSteps([unknown], { learningRate: 1, step: 1 })).toThrow(/a parameter of adamSteps knows/);
    expect(() => adamStep({ ...given, step: 0 })).toThrow('Expected step to be a positive integer, got 0');
    expect(() => adamStep({ ...given, step: 1, m: tf.zeros([3]) })).toThrow('Expected m to have shape [2], got [3]');
  });
});

describe('The numbers of adamStep', () => {
  it.each<[string, unknown, string]>([
    ['learningRate', undefined, 'a number of at least 0, got undefined'],
    ['learningRate', NaN, 'a number of at least 0, got NaN'],
    ['learningRate', '0.1', 'a number of at least 0, got "0.1"'],
    ['learningRate', -0.1, 'a number of at least 0, got -0.1'],
    ['step', undefined, 'a positive integer, got undefined'],
    ['step', 1.5, 'a positive integer, got 1.5'],
    ['beta1', 1, 'a number of [0, 1), got 1'],
    ['beta2', NaN, 'a number of [0, 1), got NaN'],
    ['epsilon', -1, 'a number of at least 0, got -1'],
    ['gradientScale', Infinity, 'a number of at least 0, got Infinity'],
    ['weightDecay', NaN, 'a number of at least 0, got NaN'],
  ])('are refused, instead of filling parameters with NaN: a %s of %s', (name, value, message) => {
    tf.tidy(() => {
      const [parameter, gradient, m, v] = Array.from({ length: 4 }, () => tf.ones([2]));
      const given = { parameter, gradient, m, v, learningRate: 0.1, step: 1, [name]: value };
      expect(() => adamStep(given)).toThrow(ConfigError);
      expect(() => adamStep(given)).toThrow(`Expected ${name} to be ${message}`);
    });
  });
});

describe('lerp', () => {
  it('goes from a to b', () => {
    tf.tidy(() => {
      const [a, b] = [tf.tensor1d([0, 10]), tf.tensor1d([8, 20])];
      expect([...lerp(a, b, 0).dataSync()]).toEqual([0, 10]);
      expect([...lerp(a, b, 0.25).dataSync()]).toEqual([2, 12.5]);
      expect([...lerp(a, b, 1).dataSync()]).toEqual([8, 20]);
      expect(() => lerp(a, tf.zeros([3]), 1)).toThrow('Expected b to have shape [2], got [3]');
    });
  });
});
