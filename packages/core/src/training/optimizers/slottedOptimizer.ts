import type * as tf from '@tensorflow/tfjs-core';
import type { Parameters } from '../trainingTypes.js';
import type { Optimizer, UpdateOptions } from './optimizer.js';
import { Slots } from './slots.js';

/** An optimizer whose whole state is its slots and the number of its updates. */
export abstract class SlottedOptimizer implements Optimizer {
  step = 0;
  protected readonly slots: Slots;

  protected constructor(
    readonly name: string,
    slots: readonly string[],
  ) {
    this.slots = new Slots(slots);
  }

  abstract apply(parameters: Parameters, gradients: ReadonlyMap<string, tf.Tensor>, options: UpdateOptions): void;

  state(): ReadonlyMap<string, tf.Tensor> {
    return this.slots.all();
  }

  restore(state: ReadonlyMap<string, tf.Tensor>, step: number): void {
    this.slots.restore(state);
    this.step = step;
  }

  dispose(): void {
    this.slots.dispose();
  }
}
