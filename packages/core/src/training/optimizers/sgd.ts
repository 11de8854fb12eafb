import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../../errors.js';
import { numberIn, refuseUnknown } from '../../options.js';
import type { Parameters } from '../trainingTypes.js';
import type { UpdateOptions } from './optimizer.js';
import { SlottedOptimizer } from './slottedOptimizer.js';

export interface SgdOptions {
  name: 'sgd';
  /** 0 when absent */
  momentum?: number;
  /** Look ahead along the momentum; needs one: false when absent. */
  nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum (Sutskever et al. 2013), in PyTorch's form, where the rate is outside:
 *
 *     b' = momentum b + g
 *     p' = p - lr b'                      nesterov: p' = p - lr (g + momentum b')
 */
export class Sgd extends SlottedOptimizer {
  private readonly momentum: number;
  private readonly nesterov: boolean;

  constructor(options: SgdOptions) {
    super('sgd', ['momentum']);
    refuseUnknown('sgd', options, ['name', 'momentum', 'nesterov']);
    this.momentum = numberIn(options.momentum ?? 0, '[0,1)', 'optimizer.momentum');
    this.nesterov = options.nesterov ?? false;
    if (typeof this.nesterov !== 'boolean') {
      throw new ConfigError(expected('optimizer.nesterov', 'true or false', this.nesterov));
    }
    if (this.nesterov && this.momentum === 0) {
      throw new ConfigError(expected('optimizer.momentum', 'above 0 with nesterov', this.momentum));
    }
  }

  override apply(parameters: Parameters, gradients: ReadonlyMap<string, tf.Tensor>, options: UpdateOptions): void {
    this.step++;
    const { learningRate, gradientScale = 1 } = options;
    for (const [name, raw] of gradients) {
      const parameter = parameters.get(name)!;
      tf.tidy(() => {
        const gradient = gradientScale === 1 ? raw : tf.mul(raw, gradientScale);
        parameter.assign(tf.sub(parameter, tf.mul(this.direction(name, gradient), learningRate)));
      });
    }
  }

  /** What the rate multiplies; moves the momentum along. */
  private direction(name: string, gradient: tf.Tensor): tf.Tensor {
    if (this.momentum === 0) return gradient;
    const momentum = this.slots.accumulate('momentum', name, this.momentum, gradient);
    return this.nesterov ? tf.add(gradient, tf.mul(momentum, this.momentum)) : momentum;
  }
}
