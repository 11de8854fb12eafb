import { exitCodes } from './exitCodes.js';

export interface Interruption {
  /** Aborted at the first Ctrl-C: the command saves and stops. */
  readonly signal: AbortSignal;
  /** Takes the handlers off again. */
  release(): void;
}

/** Ctrl-C (or a termination request) once asks to save and stop; a second time stops at once. Both exit with 130. */
export function watchInterrupts(say: (line: string) => void): Interruption {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    controller.abort();
    say('Stopping; once more to stop at once');
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
