import * as tf from '@tensorflow/tfjs-core';
import { CheckpointError, expected, InputError } from '../errors.js';
import type { Parameters } from './trainingTypes.js';

/** A tensor's type, shape and values, away from any backend. Booleans are bytes of 0 and 1. */
export interface TensorData {
  dtype: 'float32' | 'int32' | 'bool';
  shape: number[];
  values: Float32Array | Int32Array | Uint8Array;
}

/** What a file may hold besides: bfloat16, the upper halves of float32 values, and int8. */
export type StoredTensor =
  | TensorData
  | { dtype: 'bfloat16'; shape: number[]; values: Uint16Array }
  | { dtype: 'int8'; shape: number[]; values: Int8Array };

/** Reads tensors off their backend; strings and complex numbers are an {@link InputError}. */
export async function readTensors(tensors: ReadonlyMap<string, tf.Tensor>): Promise<Map<string, TensorData>> {
  const data = new Map<string, TensorData>();
  for (const [name, tensor] of tensors) {
    if (!['float32', 'int32', 'bool'].includes(tensor.dtype)) {
      throw new InputError(expected(`the type of ${name}`, 'float32, int32 or bool', tensor.dtype));
    }
    data.set(name, {
      dtype: tensor.dtype as TensorData['dtype'],
      shape: tensor.shape,
      values: (await tensor.data()) as TensorData['values'],
    });
  }
  return data;
}

/** A tensor on the active backend with these values. */
export function makeTensor(data: TensorData): tf.Tensor {
  return tf.tensor(data.values, data.shape, data.dtype);
}

/**
 * Puts saved weights into a model's parameters. Throws a {@link CheckpointError} that names the first parameter that is missing,
 * superfluous or of another shape; nothing is assigned then.
 */
export function assignWeights(parameters: Parameters, weights: ReadonlyMap<string, TensorData>): void {
  checkNames('weights', weights, parameters);
  for (const [name, variable] of parameters) {
    const value = makeTensor(weights.get(name)!);
    assignExactly(variable, value);
    value.dispose();
  }
}

/**
 * Puts a value into a variable as it is. A layer with a constraint projects whatever is assigned; what comes from a checkpoint or
 * from the variable itself has been projected already, and a second projection would move its last bits.
 */
export function assignExactly(variable: tf.Variable, value: tf.Tensor): void {
  tf.Variable.prototype.assign.call(variable, value);
}

/** Checks that saved tensors are those of the model, by name, type and shape. */
export function checkNames(
  what: string,
  saved: ReadonlyMap<string, TensorData>,
  wanted: ReadonlyMap<string, { shape: number[]; dtype: string }>,
): void {
  for (const [name, { shape, dtype }] of wanted) {
    const data = saved.get(name);
    const got = data ? `${data.dtype} [${data.shape.join(', ')}]` : 'none of that name';
    const want = `${dtype} [${shape.join(', ')}]`;
    if (got !== want) throw mismatch(`Expected the saved ${what} to hold ${name} as ${want}, got ${got}`);
  }
  for (const name of saved.keys()) {
    if (!wanted.has(name)) throw mismatch(`Expected no saved ${what} but the model's own, got ${name} besides`);
  }
}

function mismatch(message: string): CheckpointError {
  return new CheckpointError(`${message}; the weights are those of a model with other options`, { code: 'MISMATCH' });
}
