import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../../errors.js';
import { adamStep } from '../../ops/adam.js';
import { numberIn, refuseUnknown } from '../checks.js';
import type { Parameters } from '../trainingTypes.js';
import type { UpdateOptions } from './optimizer.js';
import { SlottedOptimizer } from './slottedOptimizer.js';

export interface AdamOptions {
  name: 'adam';
  /** 0.9 when absent */
  beta1?: number;
  /** 0.999 when absent */
  beta2?: number;
  /** 1e-8 when absent */
  epsilon?: number;
}

export interface AdamWOptions extends Omit<AdamOptions, 'name'> {
  name: 'adamw';
  /** 0.01 when absent */
  weightDecay?: number;
  /** Decay parameters of fewer than two dimensions (biases, gains) too: true when absent. */
  decayBiases?: boolean;
}

/** Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), each parameter in one operation; see `adamStep`. */
export class Adam extends SlottedOptimizer {
  private readonly beta1: number;
  private readonly beta2: number;
  private readonly epsilon: number;
  private readonly weightDecay: number;
  private readonly decayBiases: boolean;

  constructor(options: AdamOptions | AdamWOptions) {
    super(options.name, ['m', 'v']);
    const decayOptions = options.name === 'adamw' ? ['weightDecay', 'decayBiases'] : [];
    refuseUnknown(options.name, options, ['name', 'beta1', 'beta2', 'epsilon', ...decayOptions]);
    this.beta1 = numberIn(options.beta1 ?? 0.9, '[0,1)', 'optimizer.beta1');
    this.beta2 = numberIn(options.beta2 ?? 0.999, '[0,1)', 'optimizer.beta2');
    this.epsilon = numberIn(options.epsilon ?? 1e-8, '(0,Infinity)', 'optimizer.epsilon');
    const decay: Partial<AdamWOptions> = options.name === 'adamw' ? options : { weightDecay: 0 };
    this.weightDecay = numberIn(decay.weightDecay ?? 0.01, '[0,Infinity)', 'optimizer.weightDecay');
    this.decayBiases = decay.decayBiases ?? true;
    if (typeof this.decayBiases !== 'boolean') {
      throw new ConfigError(expected('optimizer.decayBiases', 'true or false', this.decayBiases));
    }
  }

  override apply(parameters: Parameters, gradients: ReadonlyMap<string, tf.Tensor>, options: UpdateOptions): void {
    this.step++;
    for (const [name, gradient] of gradients) {
      const parameter = parameters.get(name)!;
      const decays = this.decayBiases || parameter.rank >= 2;
      const next = tf.tidy(() => {
        const result = adamStep({
          ...{ parameter, gradient, step: this.step },
          ...{ m: this.slots.get('m', name, parameter.shape), v: this.slots.get('v', name, parameter.shape) },
          ...{ beta1: this.beta1, beta2: this.beta2, epsilon: this.epsilon },
          weightDecay: decays ? this.weightDecay : 0,
          ...options,
        });
        return [result.parameter, tf.keep(result.m), tf.keep(result.v)];
      });
      parameter.assign(next[0]);
      next[0].dispose();
      this.slots.set('m', name, next[1]);
      this.slots.set('v', name, next[2]);
    }
  }
}
