/** What Cadenza's measuring scripts share: the choice of a backend, and training as an application does it. */
import { Random, Trainer } from '@cadenza/core';
import { activeNativeBackend, selectBackend } from '@cadenza/engine';

/** The arguments of a script that measures what a folder holds. */
export const folderOptions = /** @type {const} */ ({
  folder: { type: 'string', default: '.' },
  backend: { type: 'string', default: 'auto' },
  threads: { type: 'string' },
  precision: { type: 'string', default: 'f32' },
});

/**
 * Chooses the backend that was asked for, and gives what a script says of itself.
 *
 * @param {{ backend: string, threads?: string, precision: string }} asked
 * @returns {Promise<Record<string, any>>}
 */
export async function chooseBackend(asked) {
  const { name, threads, precision, reason } = await selectBackend(/** @type {'auto'} */ (asked.backend), {
    threads: asked.threads === undefined ? undefined : Number(asked.threads),
    precision: /** @type {'f32'} */ (asked.precision),
  });
  const unsupported = precision === asked.precision ? {} : { unsupported: reason };
  return { backend: name, threads, precision, reason, ...unsupported, isa: activeNativeBackend()?.addon.isa() };
}

/**
 * A training as the application runs it: whole passes over the batches, after one step to warm up.
 *
 * @template Batch
 * @param {Pick<import('@cadenza/core').TrainerOptions<Batch>, 'parameters' | 'loss' | 'optimizer'> & { batches: readonly Batch[],
 *   learningRate: number, clipNorm: number }} options
 * @returns {(seconds: number) => Promise<number>} passes a second, over so many seconds and one pass at least
 */
export function passesOf({ batches, learningRate, clipNorm, ...options }) {
  return async (seconds) => {
    let [started, elapsed, passes, drawn] = [0, 0, 0, 0];
    const enough = new AbortController();
    const trainer = new Trainer({
      ...options,
      // The first step is no part of a pass: after the others' turns the caches hold nothing of ours.
      source: { next: () => batches.at(drawn++ % batches.length) ?? null, state: () => null, restore: () => {} },
      random: new Random(2),
      schedule: { name: 'constant', learningRate },
      clip: { norm: clipNorm },
      signal: enough.signal,
      hooks: {
        onStep: ({ step }) => {
          if (step === 1) started = performance.now();
          if (step === 1 || (step - 1) % batches.length !== 0) return;
          passes++;
          elapsed = (performance.now() - started) / 1000;
          if (elapsed > seconds) enough.abort();
        },
      },
    });
    await trainer.train();
    trainer.dispose();
    return passes / elapsed;
  };
}
