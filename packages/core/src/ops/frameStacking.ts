import * as tf from '@tensorflow/tfjs-core';
import { positiveInteger, refuseUnknown } from '../options.js';
import { assertShape, assertType } from '../shapes.js';

export interface FrameStackingOptions {
  /** How many frames are put side by side. */
  size: number;
  /** How far apart the first frames of two stacks are; `size` when absent. With a size of 1 it subsamples. */
  stride?: number;
}

/**
 * Puts neighbouring frames side by side, so that a network sees fewer and wider ones (Sak, Senior, Rao and Beaufays 2015,
 * section 4):
 *
 *     y_t = [x_{t stride}, x_{t stride + 1}, .., x_{t stride + size - 1}]      for each t stride below the row's length
 *
 * Frames beyond a row's length count as zeros, whatever they hold.
 *
 * features [B, F, D], frameLengths int32 [B] -> stacked [B, ceil(F / stride), size D], lengths int32 [B]
 */
export function stackFrames(
  features: tf.Tensor,
  frameLengths: tf.Tensor,
  options: FrameStackingOptions,
): { stacked: tf.Tensor3D; lengths: tf.Tensor1D } {
  const { size, stride } = checked('stackFrames', options);
  const sizes = assertShape(features, ['B', 'F', 'D'], 'features');
  assertType(features, 'float32', 'features');
  assertShape(frameLengths, ['B'], 'frameLengths', sizes);
  assertType(frameLengths, 'int32', 'frameLengths');
  const { B, F, D } = sizes;
  return tf.tidy('stackFrames', () => {
    const rows = Math.ceil(F / stride);
    const groups = Math.ceil(size / stride); // of `stride` frames, that a stack begins in
    const inside = tf.less(tf.reshape(tf.range(0, F, 1, 'int32'), [1, F, 1]), tf.reshape(frameLengths, [B, 1, 1]));
    const kept = tf.where(tf.broadcastTo(inside, [B, F, D]), features, tf.zerosLike(features));
    const padded = tf.pad(kept, [
      [0, 0],
      [0, (rows + groups - 1) * stride - F],
      [0, 0],
    ]);
    const grouped = tf.reshape(padded, [B, rows + groups - 1, stride * D]);
    const parts = Array.from({ length: groups }, (_, group) => {
      const width = Math.min(stride, size - group * stride) * D;
      return tf.slice(grouped, [0, group, 0], [B, rows, width]);
    });
    const stacked = tf.concat(parts, 2) as tf.Tensor3D; // [B, rows, size D]
    const lengths = tf.cast(tf.ceil(tf.div(tf.cast(frameLengths, 'float32'), stride)), 'int32') as tf.Tensor1D;
    return { stacked, lengths };
  });
}

/** How many stacks a recording of some frames has: ceil(frames / stride). */
export function stackedLength(frames: number, options: FrameStackingOptions): number {
  return Math.ceil(frames / checked('stackedLength', options).stride);
}

function checked(owner: string, options: FrameStackingOptions): Required<FrameStackingOptions> {
  refuseUnknown(owner, options, ['size', 'stride']);
  const { size, stride = size } = options;
  return { size: positiveInteger(size, 'size'), stride: positiveInteger(stride, 'stride') };
}
