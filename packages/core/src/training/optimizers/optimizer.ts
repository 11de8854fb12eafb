import type * as tf from '@tensorflow/tfjs-core';
import type { Parameters } from '../trainingTypes.js';

/** What one update is told besides the gradients. */
export interface UpdateOptions {
  learningRate: number;
  /** Multiplies every gradient first, for example the factor of clipping by norm: 1 when absent. */
  gradientScale?: number;
}

/** Moves parameters along their gradients, keeping a state per parameter. */
export interface Optimizer {
  readonly name: string;
  /** Updates applied so far. */
  readonly step: number;
  /** Assigns new values to the parameters that have a gradient. */
  apply(parameters: Parameters, gradients: ReadonlyMap<string, tf.Tensor>, options: UpdateOptions): void;
  /** The state's tensors under names such as `m/output.kernel`; they belong to the optimizer. */
  state(): ReadonlyMap<string, tf.Tensor>;
  /** Takes over a state and its step count; copies the tensors. */
  restore(state: ReadonlyMap<string, tf.Tensor>, step: number): void;
  dispose(): void;
}
