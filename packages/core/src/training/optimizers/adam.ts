import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../../errors.js';
import { adamSteps, type AdamUpdate } from '../../ops/adam.js';
import { numberIn, refuseUnknown } from '../../options.js';
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

/** Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), all parameters in one operation; see `adamSteps`. */
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
    const names = [...gradients.keys()];
    const updates = tf.tidy(() => {
      const given = names.map((name) => {
        const parameter = parameters.get(name)!;
        const decays = this.decayBiases || parameter.rank >= 2;
        return {
          ...{ parameter, gradient: gradients.get(name)!, weightDecay: decays ? this.weightDecay : 0 },
          ...{ m: this.slots.get('m', name, parameter.shape), v: this.slots.get('v', name, parameter.shape) },
        };
      });
      const { step, beta1, beta2, epsilon } = this;
      const all = adamSteps(given, { step, beta1, beta2, epsilon, ...options });
      for (const { parameter, m, v } of all) [parameter, m, v].forEach((tensor) => tf.keep(tensor));
      return all as unknown as tf.TensorContainer;
    }) as unknown as AdamUpdate[];
    names.forEach((name, index) => {
      const { parameter, m, v } = updates[index];
      parameters.get(name)!.assign(parameter as never);
      parameter.dispose();
      this.slots.set('m', name, m);
      this.slots.set('v', name, v);
    });
  }
}
