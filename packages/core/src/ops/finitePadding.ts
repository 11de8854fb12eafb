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
  const [B, T, D] = inputs.x.shape;
  const values = readFloats(backend, inputs.x);
  const lengths = readIntegers(backend, inputs.lengths);
  let isFinite = true;
  for (let b = 0; b < B && isFinite; b++) {
    const end = (b + 1) * T * D;
    for (let place = (b * T + lengths[b]) * D; place < end; place++) {
      if (Number.isFinite(values[place])) continue;
      isFinite = false;
      break;
    }
  }
  return { dataId: backend.write(Int32Array.of(Number(isFinite)), [], 'int32'), shape: [], dtype: 'int32' };
};
