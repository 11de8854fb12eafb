import * as tf from '@tensorflow/tfjs-core';
import { assertShape } from '../shapes.js';
import { runKernel } from './customOp.js';
import { readFloats, readIntegers, type Kernel } from './kernel.js';

/** Whether all is finite that stands beyond each row's length: features [B, T, D], lengths int32 [B]. Has no gradient. */
export function isPaddingFinite(x: tf.Tensor, lengths: tf.Tensor): boolean {
  assertShape(lengths, ['B'], 'lengths', assertShape(x, ['B', 'T', 'D'], 'x'));
  return tf.tidy(() => runKernel('CadenzaFinitePadding', { x, lengths }, {})[0].dataSync()[0] === 1);
}

/** 1 or 0, int32 []. */
export const finitePaddingKernel: Kernel = ({ inputs, backend }) => {
  const isAllFinite = areFinite(
    readFloats(backend, inputs.x),
    readIntegers(backend, inputs.lengths),
    inputs.x.shape as [number, number, number],
  );
  return { dataId: backend.write(Int32Array.of(Number(isAllFinite)), [], 'int32'), shape: [], dtype: 'int32' };
};

function areFinite(values: Float32Array, lengths: Int32Array, [B, T, D]: [number, number, number]): boolean {
  for (let b = 0; b < B; b++) {
    for (let place = (b * T + lengths[b]) * D; place < (b + 1) * T * D; place++) {
      if (!Number.isFinite(values[place])) return false;
    }
  }
  return true;
}
