/** Lets signals and timers through between two pieces of synchronous work. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What long work waits for between its pieces. */
export type Pause = () => Promise<void>;

/** Between two turns of the event loop, milliseconds: half of what a server does not notice. */
const SLICE_MILLISECONDS = 5;

/** Pauses that take a turn of the event loop wherever work has gone on for 5 ms; an `AbortError` once the signal is aborted. */
export function pauses(signal?: AbortSignal): Pause {
  let last = performance.now();
  return async () => {
    if (performance.now() - last >= SLICE_MILLISECONDS) {
      await turn();
      last = performance.now();
    }
    signal?.throwIfAborted();
  };
}
