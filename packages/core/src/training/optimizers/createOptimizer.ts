import { knownName } from '../../options.js';
import { Adam, type AdamOptions, type AdamWOptions } from './adam.js';
import type { Optimizer } from './optimizer.js';
import { RmsProp, type RmsPropOptions } from './rmsProp.js';
import { Sgd, type SgdOptions } from './sgd.js';

export type OptimizerOptions = AdamOptions | AdamWOptions | SgdOptions | RmsPropOptions;

/** Makes an optimizer by name; the learning rate is the schedule's. */
export function createOptimizer(options: OptimizerOptions): Optimizer {
  const names: OptimizerOptions['name'][] = ['adam', 'adamw', 'sgd', 'rmsprop'];
  knownName(options.name, names, 'optimizer.name');
  switch (options.name) {
    case 'sgd':
      return new Sgd(options);
    case 'rmsprop':
      return new RmsProp(options);
    default:
      return new Adam(options);
  }
}
