import * as tf from '@tensorflow/tfjs-core';
import { numberIn, refuseUnknown } from '../options.js';

export interface ClipOptions {
  /** The largest norm of all gradients together (Pascanu, Mikolov and Bengio 2013, algorithm 1). */
  norm?: number;
  /** The largest absolute value of any gradient's element. */
  value?: number;
}

export function checkClip(options: ClipOptions): ClipOptions {
  refuseUnknown('clip', options, ['norm', 'value']);
  if (options.norm !== undefined) numberIn(options.norm, '(0,Infinity)', 'clip.norm');
  if (options.value !== undefined) numberIn(options.value, '(0,Infinity)', 'clip.value');
  return options;
}

/** The factor that brings gradients of norm `norm` down to `limit`: min(1, limit / norm). */
export function clipFactor(norm: number, limit: number | undefined): number {
  return limit === undefined || norm <= limit ? 1 : limit / norm;
}

/** Every element moved into [-limit, limit]. New tensors; those given stay as they are. */
export function clipByValue(gradients: ReadonlyMap<string, tf.Tensor>, limit: number): Map<string, tf.Tensor> {
  return new Map(Array.from(gradients, ([name, gradient]) => [name, tf.clipByValue(gradient, -limit, limit)]));
}
