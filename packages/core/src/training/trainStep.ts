import * as tf from '@tensorflow/tfjs-core';
import { clipByValue, clipFactor } from './clipping.js';
import { addGradients, computeGradients, orDispose, readLossAndNorm, type BatchGradients } from './gradients.js';
import type { TrainerOptions } from './trainerOptions.js';
import type { TrainingState } from './trainingState.js';
import { globalNorm } from '../ops/sumSquares.js';

/** What one step showed. */
export interface StepOutcome {
  loss: number;
  gradientNorm: number;
  learningRate: number;
  skipped: boolean;
}

/**
 * One step: the loss of the batches and its gradients, clipping, the update, the weight average, the carry. A step whose loss or
 * gradient is not finite changes nothing but the counters and the random state.
 */
export async function trainStep<Batch>(
  batches: readonly Batch[],
  state: TrainingState<Batch>,
  options: TrainerOptions<Batch>,
): Promise<StepOutcome> {
  const learningRate = state.schedule.rate(state.step);
  const total = differentiate(batches, state, options);
  try {
    const { loss, norm } = await readLossAndNorm(total.loss, total.gradients);
    state.step++;
    const skipped = !state.guard.allows(state.step, loss, norm);
    if (!skipped) {
      update(total.gradients, norm, learningRate, state, options);
      // A failed step's carry may be as broken as its loss, so only here does the new one take the old one's place.
      state.replaceCarry(total.carry.splice(0));
      state.window = { sum: state.window.sum + loss, count: state.window.count + 1 };
    }
    return { loss, gradientNorm: norm, learningRate, skipped };
  } finally {
    tf.dispose(tensorsOf(total));
  }
}

/** The mean loss and gradients of the batches, each going on from the recurrent state of the one before. */
function differentiate<Batch>(
  batches: readonly Batch[],
  state: TrainingState<Batch>,
  { loss, parameters, random }: TrainerOptions<Batch>,
): BatchGradients {
  let total: BatchGradients | undefined;
  for (const batch of batches) {
    const carry = total?.carry ?? state.carry;
    const next = orDispose(
      () => computeGradients(parameters, () => loss(batch, carry, { random, training: true })),
      () => (total ? tensorsOf(total) : []),
    );
    if (total) {
      tf.dispose(total.carry);
      const sum = tf.add(total.loss, next.loss) as tf.Scalar;
      tf.dispose([total.loss, next.loss]);
      total = { loss: sum, gradients: addGradients(total.gradients, next.gradients), carry: next.carry };
    } else {
      total = next;
    }
  }
  return batches.length === 1 ? total! : divide(total!, batches.length);
}

function tensorsOf({ loss, gradients, carry }: BatchGradients): tf.Tensor[] {
  return [loss, ...gradients.values(), ...carry];
}

function divide(total: BatchGradients, count: number): BatchGradients {
  const divideOne = (tensor: tf.Tensor): tf.Tensor => {
    const quotient = tf.div(tensor, count);
    tensor.dispose();
    return quotient;
  };
  const gradients = new Map(Array.from(total.gradients, ([name, gradient]) => [name, divideOne(gradient)]));
  return { loss: divideOne(total.loss) as tf.Scalar, gradients, carry: total.carry };
}

function update<Batch>(
  gradients: ReadonlyMap<string, tf.Tensor>,
  norm: number,
  learningRate: number,
  state: TrainingState<Batch>,
  { clip = {} }: TrainerOptions<Batch>,
): void {
  tf.tidy(() => {
    const used = clip.value === undefined ? gradients : clipByValue(gradients, clip.value);
    const normOfUsed = clip.value === undefined || clip.norm === undefined ? norm : globalNorm([...used.values()]);
    const gradientScale = clipFactor(normOfUsed, clip.norm);
    state.optimizer.apply(state.parameters, used, { learningRate, gradientScale });
    state.average?.update();
  });
}
