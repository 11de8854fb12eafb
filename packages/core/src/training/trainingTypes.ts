import type * as tf from '@tensorflow/tfjs-core';

/** The variables of a model by name, in a fixed order. */
export type Parameters = ReadonlyMap<string, tf.Variable>;

/** What a validation measured, by name. */
export type Metrics = Record<string, number>;

/** Why training ended. */
export type StopReason = 'maxSteps' | 'maxMinutes' | 'aborted' | 'earlyStopping' | 'endOfData';

/** The best validation so far. */
export interface Best {
  step: number;
  metrics: Metrics;
}
