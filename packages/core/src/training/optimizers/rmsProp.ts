import * as tf from '@tensorflow/tfjs-core';
import { numberIn, refuseUnknown } from '../../options.js';
import type { Parameters } from '../trainingTypes.js';
import type { UpdateOptions } from './optimizer.js';
import { SlottedOptimizer } from './slottedOptimizer.js';

export interface RmsPropOptions {
  name: 'rmsprop';
  /** The part of the mean of squares that stays: 0.99 when absent. */
  decay?: number;
  /** 0 when absent */
  momentum?: number;
  /** 1e-8 when absent */
  epsilon?: number;
}

/**
 * RMSProp (Tieleman and Hinton 2012, lecture 6.5), in PyTorch's form:
 *
 *     s' = decay s + (1 - decay) g^2
 *     b' = momentum b + g / (sqrt(s') + epsilon)
 *     p' = p - lr b'
 */
export class RmsProp extends SlottedOptimizer {
  private readonly decay: number;
  private readonly momentum: number;
  private readonly epsilon: number;

  constructor(options: RmsPropOptions) {
    super('rmsprop', ['meanSquare', 'momentum']);
    refuseUnknown('rmsprop', options, ['name', 'decay', 'momentum', 'epsilon']);
    this.decay = numberIn(options.decay ?? 0.99, '[0,1)', 'optimizer.decay');
    this.momentum = numberIn(options.momentum ?? 0, '[0,1)', 'optimizer.momentum');
    this.epsilon = numberIn(options.epsilon ?? 1e-8, '(0,Infinity)', 'optimizer.epsilon');
  }

  override apply(parameters: Parameters, gradients: ReadonlyMap<string, tf.Tensor>, options: UpdateOptions): void {
    this.step++;
    const { learningRate, gradientScale = 1 } = options;
    for (const [name, raw] of gradients) {
      const parameter = parameters.get(name)!;
      tf.tidy(() => {
        const gradient = gradientScale === 1 ? raw : tf.mul(raw, gradientScale);
        const square = tf.mul(tf.square(gradient), 1 - this.decay);
        const meanSquare = this.slots.accumulate('meanSquare', name, this.decay, square);
        const scaled = tf.div(gradient, tf.add(tf.sqrt(meanSquare), this.epsilon));
        parameter.assign(tf.sub(parameter, tf.mul(this.withMomentum(name, scaled), learningRate)));
      });
    }
  }

  private withMomentum(name: string, scaled: tf.Tensor): tf.Tensor {
    return this.momentum === 0 ? scaled : this.slots.accumulate('momentum', name, this.momentum, scaled);
  }
}
