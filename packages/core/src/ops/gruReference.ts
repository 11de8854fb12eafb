import * as tf from '@tensorflow/tfjs-core';
import type { GruArgs, GruResult } from './gru.js';
import { layerNormReference, walkReference, zoneoutReference } from './sequenceReference.js';

/** One step in the letters of the papers that `gru` names; `xW` is the (normalised) product x_t W. */
export function gruStepReference(xW: tf.Tensor, h: tf.Tensor, args: GruArgs, t: number): tf.Tensor {
  const hm = tf.mul(args.recurrentMask ?? tf.onesLike(h), h);
  const h1 = (args.resetAfter ?? true) ? resetAfter(xW, hm, h, args) : resetBefore(xW, hm, h, args);
  return zoneoutReference(h, h1, args.zoneoutMaskH, t, args.zoneoutH);
}

function resetAfter(xW: tf.Tensor, hm: tf.Tensor, h: tf.Tensor, args: GruArgs): tf.Tensor {
  const [b, b2] = tf.unstack(args.bias);
  const [xz, xr, xn] = tf.split(tf.add(xW, b), 3, 1);
  const hU = layerNormReference(tf.matMul(hm, args.recurrentKernel), args.normRecurrent);
  const [hz, hr, hn] = tf.split(tf.add(hU, b2), 3, 1);
  const z = tf.sigmoid(tf.add(xz, hz));
  const r = tf.sigmoid(tf.add(xr, hr));
  const n = tf.tanh(tf.add(xn, tf.mul(r, hn)));
  return tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), n));
}

function resetBefore(xW: tf.Tensor, hm: tf.Tensor, h: tf.Tensor, args: GruArgs): tf.Tensor {
  const H = h.shape[1]!;
  const [xz, xr, xn] = tf.split(tf.add(xW, args.bias), 3, 1);
  const [Uzr, Un] = tf.split(args.recurrentKernel, [2 * H, H], 1);
  const [normZR, normN] = args.normRecurrent ? tf.split(args.normRecurrent, [2 * H, H], 1) : [];
  const [hz, hr] = tf.split(layerNormReference(tf.matMul(hm, Uzr), normZR), 2, 1);
  const z = tf.sigmoid(tf.add(xz, hz));
  const r = tf.sigmoid(tf.add(xr, hr));
  const n = tf.tanh(tf.add(xn, layerNormReference(tf.matMul(tf.mul(r, hm), Un), normN)));
  return tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), n));
}

/** The GRU of `gru`, step by step with stock operations: what the kernels are tested against. */
export function gruReference(args: GruArgs): GruResult {
  const start = [args.h0 ?? tf.zeros([args.x.shape[0], args.recurrentKernel.shape[0]])];
  const { outputs, state } = walkReference(args, start, (xW, [h], t) => [gruStepReference(xW, h, args, t)]);
  return { outputs: outputs as tf.Tensor3D, h: state[0] as tf.Tensor2D };
}
