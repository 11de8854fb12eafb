import { plural } from '@cadenza/core';
import type { CommonOptions } from './command.js';
import type { Output } from './output.js';

type Precision = 'f32' | 'bf16';

/** A backend that was started. */
export interface StartedBackend {
  name: string;
  threads: number;
  precision: Precision;
}

/** Starts a backend, or the best there is for `auto`: the engine's `selectBackend`. */
export type BackendSelector<Backend extends StartedBackend> = (
  choice: CommonOptions['backend'],
  wishes: { threads?: number; precision: Precision; log: (line: string) => void },
) => Promise<Backend>;

export interface BackendWishes {
  /** Of products, where the command line says nothing. */
  precision: Precision;
  /** What a run that goes on was computed with: the same gives the same numbers. */
  resumed?: { backend: string; threads: number; precision: Precision };
}

/** Starts the backend that the command line asks for, or else the resumed run's, or else the best there is; says which and why. */
export async function startChosenBackend<Backend extends StartedBackend>(
  select: BackendSelector<Backend>,
  options: CommonOptions,
  output: Output,
  { precision, resumed }: BackendWishes,
): Promise<Backend> {
  const choice =
    options.backend === 'auto' && resumed ? (resumed.backend as CommonOptions['backend']) : options.backend;
  const backend = await select(choice, {
    threads: options.threads ?? resumed?.threads,
    precision: options.precision ?? precision,
    log: output.say,
  });
  const parts = ['name', 'threads', 'precision'] as const;
  if (resumed && parts.some((part) => backend[part] !== resumed[part === 'name' ? 'backend' : part])) {
    output.warn(
      `The run was computed with backend ${resumed.backend}, ${plural(resumed.threads, 'thread')} and ${resumed.precision}: ` +
        'it goes on, but not bit for bit',
    );
  }
  return backend;
}

/** True for backends with native kernels. */
export function isFast({ name }: StartedBackend): boolean {
  return name === 'native' || name === 'tensorflow';
}
