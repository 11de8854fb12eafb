import * as tf from '@tensorflow/tfjs-core';
import { TrainingError, expected } from '../errors.js';
import { squaredNorms } from '../ops/sumSquares.js';
import type { LossResult } from './trainerOptions.js';
import type { Parameters } from './trainingTypes.js';

/** What one batch gave; all tensors belong to the caller. */
export interface BatchGradients {
  loss: tf.Scalar;
  gradients: Map<string, tf.Tensor>;
  carry: tf.Tensor[];
}

/** Runs a loss with the tape on, and gives its gradient for every trainable parameter that it depends on. */
export function computeGradients(parameters: Parameters, compute: () => LossResult): BatchGradients {
  const names = new Map(Array.from(parameters, ([name, variable]) => [variable.name, name]));
  const trainable = [...parameters.values()].filter((variable) => variable.trainable);
  let carry: tf.Tensor[] = [];
  const scalarLoss = (): tf.Scalar => {
    const result = compute();
    if (!(result?.loss instanceof tf.Tensor) || result.loss.size !== 1) {
      throw new TrainingError(expected('the loss', 'a scalar tensor', result?.loss?.shape ?? result?.loss));
    }
    // Clones, so that a loss may hand back the carry it was given; kept, because the tape's tidy ends here.
    carry = (result.carry ?? []).map((tensor) => tf.keep(tf.clone(tensor)));
    return tf.reshape(result.loss, []) as tf.Scalar;
  };
  const { value, grads } = orDispose(
    () => tf.variableGrads(scalarLoss, trainable),
    () => carry,
  );
  const gradients = new Map<string, tf.Tensor>();
  for (const [variableName, gradient] of Object.entries(grads)) {
    if (gradient) gradients.set(names.get(variableName)!, gradient);
  }
  return { loss: value, gradients, carry };
}

/** What `compute` gives; where it throws, what `made` names by then is disposed. */
export function orDispose<T>(compute: () => T, made: () => tf.Tensor[]): T {
  try {
    return compute();
  } catch (error) {
    tf.dispose(made());
    throw error;
  }
}

/** Adds gradients to a running sum, which may be empty, and disposes both. */
export function addGradients(sum: Map<string, tf.Tensor>, more: Map<string, tf.Tensor>): Map<string, tf.Tensor> {
  const total = new Map(sum);
  for (const [name, gradient] of more) {
    const before = sum.get(name);
    total.set(name, before ? tf.add(before, gradient) : gradient);
    if (before) tf.dispose([before, gradient]);
  }
  return total;
}

/** The loss and the norm of all gradients together; both are asked for at once, so that the backend is waited for once. */
export async function readLossAndNorm(
  loss: tf.Tensor,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Promise<{ loss: number; norm: number }> {
  const squares = squaredNorms([...gradients.values()]);
  const [[lossValue], values] = await Promise.all([loss.data<'float32'>(), squares.data<'float32'>()]);
  squares.dispose();
  return { loss: lossValue, norm: Math.sqrt(values.reduce((sum, square) => sum + square, 0)) };
}
