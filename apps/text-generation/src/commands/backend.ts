import type { CommonOptions, Output } from '@cadenza/cli';
import { selectBackend, type BackendChoice, type Precision, type SelectedBackend } from '@cadenza/engine';
import * as tf from '@tensorflow/tfjs-core';

export interface BackendWishes {
  /** Of products, where the command line says nothing. */
  precision: Precision;
  /** What a run that goes on was computed with: the same gives the same numbers. */
  resumed?: { backend: string; threads: number; precision: Precision };
}

/** Starts the backend that the command line asks for, or else the resumed run's, or else the best there is; says which and why. */
export async function startBackend(
  options: CommonOptions,
  output: Output,
  { precision, resumed }: BackendWishes,
): Promise<SelectedBackend> {
  tf.enableProdMode(); // no advertisement of tfjs-node on standard error
  const choice = options.backend === 'auto' && resumed ? (resumed.backend as BackendChoice) : options.backend;
  const backend = await selectBackend(choice, {
    threads: options.threads ?? resumed?.threads,
    precision: options.precision ?? precision,
    log: output.say,
  });
  const parts = ['name', 'threads', 'precision'] as const;
  if (resumed && parts.some((part) => backend[part] !== resumed[part === 'name' ? 'backend' : part])) {
    output.warn(
      `The run was computed with backend ${resumed.backend}, ${resumed.threads} threads and ${resumed.precision}: ` +
        'it goes on, but not bit for bit',
    );
  }
  return backend;
}

/** True for backends with native kernels. */
export function isFast({ name }: SelectedBackend): boolean {
  return name === 'native' || name === 'tensorflow';
}
