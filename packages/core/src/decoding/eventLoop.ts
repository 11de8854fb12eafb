/** Lets what waits in the event loop through: input, timers, signals, in a browser also drawing. */
export function eventLoopTurn(): Promise<void> {
  // Node's own is the quickest; a browser's timers would wait 4 ms at least.
  const { setImmediate: immediate } = globalThis as { setImmediate?: (callback: () => void) => void };
  if (immediate) return new Promise((resolve) => immediate(resolve));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const port = port1 as unknown as { onmessage: () => void; close: () => void }; // as browsers have it
    port.onmessage = () => {
      port.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/** Takes turns of the event loop by the clock: one whenever so many milliseconds have passed since the last. */
export class TurnTaker {
  private last = performance.now();

  constructor(private readonly milliseconds: number) {}

  /** True where it is time for {@link take}. */
  get due(): boolean {
    return performance.now() - this.last >= this.milliseconds;
  }

  async take(): Promise<void> {
    await eventLoopTurn();
    this.last = performance.now();
  }
}
