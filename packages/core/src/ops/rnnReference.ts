import * as tf from '@tensorflow/tfjs-core';
import type { RnnArgs, RnnResult } from './rnn.js';
import { layerNormReference, walkReference, zoneoutReference } from './sequenceReference.js';

/** One step of Elman's network; `xW` is the (normalised) product x_t W. */
export function rnnStepReference(xW: tf.Tensor, h: tf.Tensor, args: RnnArgs, t: number): tf.Tensor {
  const m = args.recurrentMask ?? tf.onesLike(h);
  const hU = layerNormReference(tf.matMul(tf.mul(m, h), args.recurrentKernel), args.normRecurrent);
  const z = tf.add(tf.add(xW, hU), args.bias);
  const h1 = args.activation === 'relu' ? tf.relu(z) : tf.tanh(z);
  return zoneoutReference(h, h1, args.zoneoutMaskH, t, args.zoneoutH);
}

/** The network of `simpleRnn`, step by step with stock operations: what the kernels are tested against. */
export function rnnReference(args: RnnArgs): RnnResult {
  const start = [args.h0 ?? tf.zeros([args.x.shape[0], args.recurrentKernel.shape[0]])];
  const { outputs, state } = walkReference(args, start, (xW, [h], t) => [rnnStepReference(xW, h, args, t)]);
  return { outputs: outputs as tf.Tensor3D, h: state[0] as tf.Tensor2D };
}
