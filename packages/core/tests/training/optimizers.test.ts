import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ConfigError, createOptimizer, type OptimizerOptions } from '../../src/index.js';

type Values = { kernel: number[]; bias: number[] };
interface Golden {
  start: Values;
  gradients: Values[];
  optimizers: { options: OptimizerOptions; learningRate: number; steps: Values[] }[];
}

const golden: Golden = JSON.parse(readFileSync(new URL('../golden/optimizers.json', import.meta.url), 'utf8'));

const tensors = ({ kernel, bias }: Values): Map<string, tf.Tensor> =>
  new Map<string, tf.Tensor>([
    ['kernel', tf.tensor2d(kernel, [2, 3])],
    ['bias', tf.tensor1d(bias)],
  ]);

function variables(values: Values): Map<string, tf.Variable> {
  const made = tensors(values);
  const entries = Array.from(made, ([name, tensor]) => [name, tf.variable(tensor)] as const);
  tf.dispose([...made.values()]);
  return new Map(entries);
}

function update(
  optimizer: ReturnType<typeof createOptimizer>,
  parameters: Map<string, tf.Variable>,
  step: number,
  rate: number,
) {
  const gradients = tensors(golden.gradients[step]);
  optimizer.apply(parameters, gradients, { learningRate: rate });
  tf.dispose([...gradients.values()]);
}

const read = (parameters: Map<string, tf.Variable>) =>
  Array.from(parameters.values(), (variable) => Array.from(variable.dataSync()));

describe('optimizers', () => {
  for (const { options, learningRate, steps } of golden.optimizers) {
    it(`${JSON.stringify(options)} matches PyTorch over six steps`, () => {
      const parameters = variables(golden.start);
      const optimizer = createOptimizer(options);
      for (let step = 0; step < steps.length; step++) {
        update(optimizer, parameters, step, learningRate);
        for (const name of ['kernel', 'bias'] as const) {
          const got = parameters.get(name)!.dataSync();
          // Float32 rounding, which the two implementations do in another order: a few units in the last place.
          steps[step][name].forEach((value, index) => expect(Math.abs(got[index] - value)).toBeLessThan(2e-6));
        }
      }
    });

    it(`${JSON.stringify(options)} continues from its state bit for bit, and leaks nothing`, () => {
      const before = tf.memory().numTensors;
      const straight = variables(golden.start);
      const first = createOptimizer(options);
      for (let step = 0; step < 3; step++) update(first, straight, step, learningRate);
      const copy = variables({
        kernel: Array.from(straight.get('kernel')!.dataSync()),
        bias: Array.from(straight.get('bias')!.dataSync()),
      });
      const second = createOptimizer(options);
      second.restore(first.state(), first.step);
      for (let step = 3; step < 6; step++) {
        update(first, straight, step, learningRate);
        update(second, copy, step, learningRate);
      }
      expect(read(copy)).toEqual(read(straight));
      first.dispose();
      second.dispose();
      tf.dispose([...straight.values(), ...copy.values()]);
      expect(tf.memory().numTensors).toBe(before);
    });
  }

  it('scale gradients as if they had been multiplied before', () => {
    for (const name of ['sgd', 'rmsprop', 'adam'] as const) {
      const [scaled, plain] = [variables(golden.start), variables(golden.start)];
      const gradients = tensors(golden.gradients[0]);
      const halved = new Map(Array.from(gradients, ([key, gradient]) => [key, tf.mul(gradient, 0.5)]));
      createOptimizer({ name }).apply(scaled, gradients, { learningRate: 0.1, gradientScale: 0.5 });
      createOptimizer({ name }).apply(plain, halved, { learningRate: 0.1 });
      expect(read(scaled)).toEqual(read(plain));
    }
  });

  it('leave parameters without a gradient alone', () => {
    const parameters = variables(golden.start);
    const { kernel } = golden.gradients[0];
    const optimizer = createOptimizer({ name: 'adamw', weightDecay: 0.5 });
    optimizer.apply(parameters, new Map([['kernel', tf.tensor2d(kernel, [2, 3])]]), { learningRate: 0.1 });
    expect(Array.from(parameters.get('bias')!.dataSync())).toEqual(Array.from(Float32Array.from(golden.start.bias)));
  });

  it('refuse options that are wrong or unknown', () => {
    const make = (options: object) => () => createOptimizer(options as OptimizerOptions);
    expect(make({ name: 'adamm' })).toThrow('did you mean adam?');
    expect(make({ name: 'adam', beta3: 1 })).toThrow(
      'Expected an option that adam knows, got beta3; did you mean beta1?',
    );
    expect(make({ name: 'adam', weightDecay: 0.1 })).toThrow(ConfigError);
    expect(make({ name: 'adam', beta1: 1 })).toThrow('Expected optimizer.beta1 to be a number of [0, 1), got 1');
    expect(make({ name: 'adamw', weightDecay: -1 })).toThrow('a number of at least 0, got -1');
    expect(make({ name: 'adamw', decayBiases: 1 })).toThrow('true or false, got 1');
    expect(make({ name: 'sgd', nesterov: true })).toThrow(
      'Expected optimizer.momentum to be above 0 with nesterov, got 0',
    );
    expect(make({ name: 'sgd', nesterov: 'yes', momentum: 0.5 })).toThrow('true or false, got "yes"');
    expect(make({ name: 'rmsprop', epsilon: 0 })).toThrow('a positive number, got 0');
  });
});
