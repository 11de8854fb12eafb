import { CheckpointError, type CheckpointStore, type TensorData } from '@cadenza/core';

/** Weights and the newest step that they are of. */
export interface AveragedWeights {
  step: number;
  weights: ReadonlyMap<string, TensorData>;
}

/**
 * The mean of the weights of the newest checkpoints (Junczys-Dowmunt, Dwojak and Sennrich 2016), each read after the other. Undefined
 * where there is no checkpoint at all; a CheckpointError where there are fewer than asked for, or one of them is damaged.
 */
export function averageWeights(store: CheckpointStore, count: number): AveragedWeights | undefined {
  const steps = store.steps().slice(-count);
  if (steps.length === 0) return undefined;
  if (steps.length < count) {
    throw new CheckpointError(
      `Expected ${count} checkpoints to average, got those of ${steps.join(', ')}; --set keepCheckpoints=${count} keeps more while training`,
    );
  }
  const sums = new Map<string, { shape: number[]; dtype: TensorData['dtype']; values: Float64Array }>();
  for (const step of steps) {
    const { weights } = store.load(step)!;
    for (const [name, { shape, dtype, values }] of weights) {
      const sum = sums.get(name) ?? { shape, dtype, values: new Float64Array(values.length) };
      sums.set(name, sum);
      for (let index = 0; index < values.length; index++) sum.values[index] += values[index];
    }
  }
  const weights = new Map<string, TensorData>();
  for (const [name, { shape, dtype, values }] of sums) {
    weights.set(name, { shape, dtype, values: Float32Array.from(values, (value) => value / steps.length) });
  }
  return { step: steps.at(-1)!, weights };
}
