import { BusyError } from './busyError.js';

export interface GathererLimits {
  /** How many items are answered at a time, unless one request has more. */
  together: number;
  /** How many may wait; a request that would make them more is refused, unless it is the only one. */
  waiting: number;
}

/** Answers items that ask for the same, each at its place. */
export type Answer<Options, Item, Result> = (
  items: readonly Item[],
  options: Options,
  signal: AbortSignal,
) => Promise<readonly Result[]>;

interface Waiting<Options, Item, Result> {
  items: readonly Item[];
  options: Options;
  /** Equal where the same is asked for. */
  key: string;
  signal: AbortSignal;
  resolve: (results: Result[]) => void;
  reject: (reason: unknown) => void;
}

/**
 * Lets requests share batches: those that come while a model is busy wait, and all of them that ask for the same are then answered
 * together, the first come first. A model takes hardly longer for many rows than for one.
 */
export class Gatherer<Options extends object, Item, Result> {
  private queue: Waiting<Options, Item, Result>[] = [];
  private working = false;

  constructor(
    private readonly answer: Answer<Options, Item, Result>,
    private readonly limits: GathererLimits,
  ) {}

  /**
   * The results of some items, in their order.
   *
   * @param signal of a request that nobody waits for any more: it is left out, or stopped where no other shares its batch
   * @throws {BusyError} where too many wait already
   */
  ask(items: readonly Item[], options: Options, signal: AbortSignal): Promise<Result[]> {
    this.queue = wanted(this.queue); // who has gone takes nobody's place
    const before = this.queue.reduce((sum, waiting) => sum + waiting.items.length, 0);
    if (before > 0 && before + items.length > this.limits.waiting) {
      return Promise.reject(
        new BusyError(
          `Expected at most ${this.limits.waiting} to wait, got ${before} and ${items.length} more; try again later`,
        ),
      );
    }
    return new Promise((resolve, reject) => {
      this.queue.push({ items, options, key: JSON.stringify(options), signal, resolve, reject });
      void this.work();
    });
  }

  private async work(): Promise<void> {
    if (this.working) return;
    this.working = true;
    while (this.queue.length > 0) {
      await new Promise(setImmediate); // those that arrive at the same time come along
      const batch = this.takeBatch();
      if (batch.length > 0) await this.answerTogether(batch);
    }
    this.working = false;
  }

  /** The first that waits, and those behind it that ask for the same, as many as go together. */
  private takeBatch(): Waiting<Options, Item, Result>[] {
    const waiting = wanted(this.queue);
    let count = 0;
    const batch = waiting.filter(({ key, items }) => {
      if (key !== waiting[0].key || (count > 0 && count + items.length > this.limits.together)) return false;
      count += items.length;
      return true;
    });
    this.queue = waiting.filter((one) => !batch.includes(one));
    return batch;
  }

  private async answerTogether(batch: readonly Waiting<Options, Item, Result>[]): Promise<void> {
    const nobody = new AbortController();
    let left = batch.length;
    const leave = (): void => void (--left === 0 && nobody.abort(batch[0].signal.reason));
    for (const { signal } of batch) signal.addEventListener('abort', leave, { once: true });
    try {
      const items = batch.flatMap((one) => one.items);
      const results = (await this.answer(items, batch[0].options, nobody.signal)).values();
      for (const { items: asked, resolve } of batch) resolve(asked.map(() => results.next().value as Result));
    } catch (error) {
      // What is wrong with one is not the others' fault.
      if (batch.length === 1 || nobody.signal.aborted) for (const { reject } of batch) reject(error);
      else for (const one of batch) if (wanted([one]).length > 0) await this.answerTogether([one]);
    } finally {
      for (const { signal } of batch) signal.removeEventListener('abort', leave);
    }
  }
}

/** Those that somebody still waits for; the others are refused. */
function wanted<Options, Item, Result>(
  waiting: readonly Waiting<Options, Item, Result>[],
): Waiting<Options, Item, Result>[] {
  for (const { signal, reject } of waiting) if (signal.aborted) reject(signal.reason);
  return waiting.filter(({ signal }) => !signal.aborted);
}
