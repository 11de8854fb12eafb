import * as tf from '@tensorflow/tfjs-core';
import type { LstmArgs, LstmResult } from './lstm.js';
import { layerNormReference, walkReference, zoneoutReference } from './sequenceReference.js';

/** One step in the letters of the papers that `lstm` names; `xW` is the (normalised) product x_t W. */
export function lstmStepReference(xW: tf.Tensor, h: tf.Tensor, c: tf.Tensor, args: LstmArgs, t: number): tf.Tensor[] {
  const m = args.recurrentMask ?? tf.onesLike(h);
  const hU = layerNormReference(tf.matMul(tf.mul(m, h), args.recurrentKernel), args.normRecurrent);
  const [zi, zf, zg, zo] = tf.split(tf.add(tf.add(xW, hU), args.bias), 4, 1);
  const i = tf.sigmoid(zi);
  const f = tf.sigmoid(zf);
  const g = tf.tanh(zg);
  const o = tf.sigmoid(zo);
  const cNew = tf.add(tf.mul(f, c), tf.mul(i, g));
  let hNew: tf.Tensor = tf.mul(o, tf.tanh(layerNormReference(cNew, args.normCell)));
  if (args.projection) hNew = tf.matMul(hNew, args.projection);
  return [
    zoneoutReference(h, hNew, args.zoneoutMaskH, t, args.zoneoutH),
    zoneoutReference(c, cNew, args.zoneoutMaskC, t, args.zoneoutC),
  ];
}

/** The LSTM of `lstm`, step by step with stock operations: what the kernels are tested against. */
export function lstmReference(args: LstmArgs): LstmResult {
  const B = args.x.shape[0];
  const [P, W] = args.recurrentKernel.shape;
  const start = [args.h0 ?? tf.zeros([B, P]), args.c0 ?? tf.zeros([B, W! / 4])];
  const { outputs, state } = walkReference(args, start, (xW, [h, c], t) => lstmStepReference(xW, h, c, args, t));
  return { outputs: outputs as tf.Tensor3D, h: state[0] as tf.Tensor2D, c: state[1] as tf.Tensor2D };
}
