import type * as tf from '@tensorflow/tfjs-core';
import { InputError } from '@cadenza/core/browser';
import type { NativeBackend } from '../nativeBackend.js';

interface IdCall {
  inputs: Record<string, tf.TensorInfo>;
  backend: NativeBackend;
}

/** Runs a native kernel over ids and lengths; where it refuses one, says which as the other backends do. */
export function checkedIds(call: IdCall, run: () => void): void {
  const { inputs, backend } = call;
  try {
    run();
  } catch (error) {
    const { x, ids = x, kernel, table = kernel, logits, labels, lengths } = inputs;
    if (lengths && x) refuseIds(backend.integers(lengths), 0, x.shape[1] + 1, 'lengths');
    if (labels && logits) refuseIds(backend.integers(labels), -1, logits.shape[1], 'labels');
    else if (ids?.dtype === 'int32') refuseIds(backend.integers(ids), 0, table.shape[0], 'ids');
    throw error;
  }
}

/** Throws the error of the first id outside [lowest, limit), if there is one. */
export function refuseIds(ids: Int32Array, lowest: number, limit: number, name: string): void {
  const position = ids.findIndex((id) => id < lowest || id >= limit);
  if (position < 0) return;
  const range = lowest < 0 ? `-1 or of [0, ${limit})` : `of [0, ${limit})`;
  throw new InputError(`Expected ${name} to be ${range}, got ${ids[position]} at position ${position}`, { code: 'ID' });
}
