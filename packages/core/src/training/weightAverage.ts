import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { lerp } from '../ops/adam.js';
import { numberIn, refuseUnknown } from '../options.js';
import { assignExactly } from './tensorData.js';
import type { Parameters } from './trainingTypes.js';

export interface AverageOptions {
  /** The part of the average that stays at each update, for example 0.999. */
  decay: number;
  /** Forget the initial weights (Adam's bias correction, in the form of a growing decay): true when absent. */
  biasCorrected?: boolean;
}

/**
 * An exponential moving average of the weights (Polyak and Juditsky 1992; Tarvainen and Valpola 2017):
 *
 *     a_t = a_{t-1} + w_t (p_t - a_{t-1})
 *     w_t = 1 - decay                            a_0 = the initial weights
 *     w_t = (1 - decay) / (1 - decay^t)          bias-corrected: the mean of p_1 ... p_t with weights decay^(t-k)
 */
export class WeightAverage {
  /** Averages taken so far. */
  updates = 0;
  private averages = new Map<string, tf.Tensor>();
  private readonly decay: number;
  private readonly biasCorrected: boolean;

  constructor(
    private readonly parameters: Parameters,
    options: AverageOptions,
  ) {
    refuseUnknown('average', options, ['decay', 'biasCorrected']);
    this.decay = numberIn(options.decay, '[0,1)', 'average.decay');
    this.biasCorrected = options.biasCorrected ?? true;
    if (typeof this.biasCorrected !== 'boolean') {
      throw new ConfigError(expected('average.biasCorrected', 'true or false', this.biasCorrected));
    }
    for (const [name, variable] of parameters) {
      if (variable.trainable) this.averages.set(name, tf.keep(tf.clone(variable)));
    }
  }

  /** Takes the parameters' present values in. */
  update(): void {
    this.updates++;
    const weight = (1 - this.decay) / (this.biasCorrected ? 1 - this.decay ** this.updates : 1);
    for (const [name, average] of this.averages) {
      const next = tf.tidy(() => tf.keep(lerp(average, this.parameters.get(name)!, weight)));
      average.dispose();
      this.averages.set(name, next);
    }
  }

  /** Runs `use` while the parameters hold the averages, then puts their own values back. */
  async swapIn<T>(use: () => T | Promise<T>): Promise<T> {
    const own = new Map(Array.from(this.averages.keys(), (name) => [name, this.parameters.get(name)!.clone()]));
    this.assign(this.averages);
    try {
      return await use();
    } finally {
      this.assign(own);
      for (const tensor of own.values()) tensor.dispose();
    }
  }

  /** The averages by name; they belong to this object. */
  state(): ReadonlyMap<string, tf.Tensor> {
    return this.averages;
  }

  /** Takes over averages and their count; copies. */
  restore(averages: ReadonlyMap<string, tf.Tensor>, updates: number): void {
    for (const name of this.averages.keys()) {
      this.averages.get(name)!.dispose();
      this.averages.set(name, tf.keep(tf.clone(averages.get(name)!)));
    }
    this.updates = updates;
  }

  dispose(): void {
    for (const tensor of this.averages.values()) tensor.dispose();
    this.averages.clear();
  }

  private assign(values: ReadonlyMap<string, tf.Tensor>): void {
    for (const [name, value] of values) assignExactly(this.parameters.get(name)!, value);
  }
}
