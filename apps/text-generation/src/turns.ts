import { TurnTaker } from '@cadenza/core';

/** What long work waits for between its pieces. */
export type Pause = () => Promise<void>;

/** Between two turns of the event loop, milliseconds: half of what a server does not notice. */
const SLICE_MILLISECONDS = 5;

/** Pauses that take a turn of the event loop wherever work has gone on for 5 ms; an `AbortError` once the signal is aborted. */
export function pauses(signal?: AbortSignal): Pause {
  const turns = new TurnTaker(SLICE_MILLISECONDS);
  return async () => {
    if (turns.due) await turns.take();
    signal?.throwIfAborted();
  };
}
