import { CheckpointError, type CheckpointState, type CheckpointStore, type TensorData } from '@cadenza/core';

/** Weights, the steps that they are the mean of, and the state of the newest of these. */
export interface AveragedWeights {
  /** The newest of `steps`. */
  step: number;
  steps: number[];
  weights: Map<string, TensorData>;
  state: CheckpointState;
}

/**
 * The mean of the weights of the newest checkpoints (Junczys-Dowmunt, Dwojak and Sennrich 2016), each read after the other; the best
 * one, which is kept beside `kept` newest, is none of them where it is older. Undefined
 * where there is no checkpoint at all; a CheckpointError where there are fewer than asked for, or one of them is damaged.
 */
export function averageWeights(store: CheckpointStore, count: number, kept: number): AveragedWeights | undefined {
  const steps = store.steps().slice(-kept).slice(-count);
  if (steps.length === 0) return undefined;
  if (steps.length < count) {
    throw new CheckpointError(
      `Expected ${count} checkpoints to average, got those of ${steps.join(', ')}; --set keepCheckpoints=${count} keeps more while training`,
    );
  }
  const sums = new Map<string, { shape: number[]; dtype: TensorData['dtype']; values: Float64Array }>();
  let state: CheckpointState | undefined;
  for (const step of steps) {
    const checkpoint = store.load(step)!;
    state = checkpoint.state;
    for (const [name, { shape, dtype, values }] of checkpoint.weights) {
      const sum = sums.get(name) ?? { shape, dtype, values: new Float64Array(values.length) };
      sums.set(name, sum);
      for (let index = 0; index < values.length; index++) sum.values[index] += values[index];
    }
  }
  const weights = new Map<string, TensorData>();
  for (const [name, { shape, dtype, values }] of sums) {
    weights.set(name, { shape, dtype, values: Float32Array.from(values, (value) => value / steps.length) });
  }
  return { step: steps.at(-1)!, steps, weights, state: state! };
}
