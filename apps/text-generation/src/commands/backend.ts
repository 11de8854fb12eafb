import type { CommonOptions, Output } from '@cadenza/cli';
import * as tf from '@tensorflow/tfjs-core';

/** What computes, once it is chosen. */
export interface Backend {
  name: string;
  threads: number;
}

export async function startBackend(
  options: CommonOptions,
  output: Output,
  run?: { backend: string; threads: number },
): Promise<Backend> {
  tf.enableProdMode(); // no advertisement of tfjs-node on standard error
  void [options, output, run];
  await tf.setBackend('cpu');
  return { name: 'cpu', threads: 1 };
}

/** True for backends with native kernels. */
export function isFast({ name }: Backend): boolean {
  return name === 'native' || name === 'tensorflow';
}
