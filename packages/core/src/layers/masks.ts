import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import { isPaddingFinite } from '../ops/finitePadding.js';
import { embeddingLookup } from '../ops/index.js';
import { assertShape } from '../shapes.js';

/** A masked batch as the operations want it: the valid steps of every row first, and how many they are. */
export type PackedSequence = {
  x: tf.Tensor;
  /** Absent where nothing is masked. */
  lengths?: tf.Tensor1D;
  /** Puts outputs back at the steps they belong to; masked steps become zero rows. */
  unpack: (outputs: tf.Tensor3D) => tf.Tensor3D;
};

const unchanged = (outputs: tf.Tensor3D): tf.Tensor3D => outputs;

/** Moves the steps of features [B, T, D] or of ids [B, T] through a table of source steps [B, T]. */
function gatherSteps(x: tf.Tensor, steps: Int32Array): tf.Tensor {
  const [batch, time, size] = x.shape;
  if (x.dtype === 'int32') {
    const ids = x.dataSync();
    return tf.tensor2d(
      steps.map((step) => ids[step]),
      [batch, time],
      'int32',
    ); // [B, T]
  }
  const rows = tf.tensor2d(steps, [batch, time], 'int32'); // [B, T] rows of the flattened batch
  return embeddingLookup(tf.reshape(x, [batch * time, size]), rows); // [B, T, D]
}

/** Zeros beyond each row's length in ids [B, T] or features [B, T, D]; all is kept where there are no lengths. */
export function zeroPadding<T extends tf.Tensor>(x: T, lengths: tf.Tensor | undefined): T {
  if (!lengths) return x;
  assertShape(lengths, [x.shape[0]], 'lengths');
  return tf.tidy(() => {
    const valid = tf.less(tf.range(0, x.shape[1]!, 1, 'int32'), tf.expandDims(lengths, 1)); // [B, T]
    return tf.where(x.rank === 3 ? tf.expandDims(valid, 2) : valid, x, tf.zerosLike(x)) as T;
  });
}

/** Features [B, T, D] with zeros beyond each row's length, where what stands there is not finite. */
export function finitePadding(x: tf.Tensor3D, lengths: tf.Tensor | undefined): tf.Tensor3D {
  if (!lengths) return x;
  return isPaddingFinite(x, lengths) ? x : zeroPadding(x, lengths);
}

/**
 * Turns a mask [B, T] (Keras: true where a step counts) into lengths. Where the padding stands at the right only the lengths
 * are taken; any other mask moves the valid steps of its row to the front, which changes nothing for a recurrence that
 * would carry its state over the masked ones.
 */
export function packMasked(x: tf.Tensor, mask: tf.Tensor | null | undefined): PackedSequence {
  if (mask == null) return { x, unpack: unchanged };
  const [batch, time] = x.shape;
  if (mask.rank !== 2 || mask.shape[0] !== batch || mask.shape[1] !== time) {
    throw new InputError(
      `Expected mask to have shape [${batch}, ${time}], got [${mask.shape.join(', ')}]; TensorFlow.js hands the first ` +
        'mask of a model on to every later layer, so mask every input of such a model or none',
      { code: 'SHAPE' },
    );
  }
  const valid = mask.dataSync();
  const lengths = new Int32Array(batch);
  const pack = new Int32Array(batch * time);
  const unpack = new Int32Array(batch * time);
  let padded = false;
  let rightPadded = true;
  for (let b = 0; b < batch; b++) {
    const row = b * time;
    let length = 0;
    for (let t = 0; t < time; t++) {
      if (!valid[row + t]) continue;
      rightPadded &&= length === t;
      unpack[row + t] = row + length;
      pack[row + length++] = row + t;
    }
    lengths[b] = length;
    padded ||= length < time;
    // Whatever is left of the row repeats some step; the operation writes zeros there, the last of which masked steps read.
    pack.fill(row, row + length, row + time);
    for (let t = 0; t < time; t++) if (!valid[row + t]) unpack[row + t] = row + time - 1;
  }
  if (!padded) return { x, unpack: unchanged };
  const packed = { x, lengths: tf.tensor1d(lengths, 'int32'), unpack: unchanged };
  if (rightPadded) return packed;
  return { ...packed, x: gatherSteps(x, pack), unpack: (outputs) => gatherSteps(outputs, unpack) as tf.Tensor3D };
}
