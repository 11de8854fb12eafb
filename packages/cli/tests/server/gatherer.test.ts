import { describe, expect, it } from 'vitest';
import { BusyError, Gatherer } from '../../src/server/index.js';

const never = new AbortController().signal;

/** A gatherer that doubles numbers, and what it was asked in each batch; each batch waits for `proceed`. */
function doubler(limits = { together: 4, waiting: 6 }) {
  const batches: number[][] = [];
  const steps: (() => void)[] = [];
  const gatherer = new Gatherer<{ by: number }, number, number>(async (items, { by }, signal) => {
    batches.push([...items]);
    await new Promise<void>((resolve, reject) => {
      steps.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason));
    });
    if (items.includes(13)) throw new Error('thirteen');
    return items.map((item) => by * item);
  }, limits);
  const proceed = async (): Promise<void> => {
    while (steps.length === 0) await new Promise(setImmediate);
    steps.shift()!();
    await new Promise(setImmediate);
  };
  return { gatherer, batches, proceed };
}

describe('Gatherer', () => {
  it('answers what comes at the same time together, each request at its place', async () => {
    const { gatherer, batches, proceed } = doubler();
    const asked = [[1], [2, 3], [], [4]].map((items) => gatherer.ask(items, { by: 2 }, never));
    await proceed();
    expect(await Promise.all(asked)).toEqual([[2], [4, 6], [], [8]]);
    expect(batches).toEqual([[1, 2, 3, 4]]);
  });

  it('keeps apart what asks for something else, and what is too much for one batch, the first come first', async () => {
    const { gatherer, batches, proceed } = doubler();
    const first = [gatherer.ask([1, 2], { by: 2 }, never), gatherer.ask([3], { by: 3 }, never)];
    const more = [gatherer.ask([4, 5, 6], { by: 2 }, never)];
    for (let n = 0; n < 3; n++) await proceed();
    expect(await Promise.all([...first, ...more])).toEqual([[2, 4], [9], [8, 10, 12]]);
    expect(batches).toEqual([[1, 2], [3], [4, 5, 6]]);
  });

  it('answers a request that is larger than a batch, and refuses what would be too many to wait', async () => {
    const { gatherer, proceed } = doubler();
    const large = gatherer.ask([1, 2, 3, 4, 5, 6, 7, 8], { by: 2 }, never);
    await expect(gatherer.ask([1], { by: 2 }, never)).rejects.toThrow(BusyError);
    await expect(gatherer.ask([1], { by: 2 }, never)).rejects.toThrow('Expected at most 6 to wait, got 8 and 1 more');
    await proceed();
    expect(await large).toHaveLength(8);
    const next = gatherer.ask([9], { by: 2 }, never);
    await proceed();
    expect(await next).toEqual([18]);
  });

  it('lets nobody who has gone take a place', async () => {
    const { gatherer, proceed } = doubler();
    const first = gatherer.ask([1], { by: 2 }, never);
    await new Promise(setImmediate); // its batch has begun
    const gone = new AbortController();
    const left = gatherer.ask([2, 3, 4, 5, 6, 7], { by: 2 }, gone.signal);
    await expect(gatherer.ask([8], { by: 2 }, never)).rejects.toThrow(BusyError);
    gone.abort(new Error('gone'));
    const next = gatherer.ask([8], { by: 2 }, never);
    await expect(left).rejects.toThrow('gone');
    for (let n = 0; n < 2; n++) await proceed();
    expect(await Promise.all([first, next])).toEqual([[2], [16]]);
  });

  it('does not let one request fail for another', async () => {
    const { gatherer, batches, proceed } = doubler();
    const asked = [[1], [13], [2]].map((items) => gatherer.ask(items, { by: 2 }, never));
    const settled = Promise.allSettled(asked);
    for (let n = 0; n < 4; n++) await proceed();
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(batches).toEqual([[1, 13, 2], [1], [13], [2]]);
  });

  it('leaves out a request that nobody waits for, and stops one that is alone in its batch', async () => {
    const { gatherer, batches, proceed } = doubler();
    const gone = new AbortController();
    const later = new AbortController();
    const first = gatherer.ask([1], { by: 2 }, never);
    const refused = expect(gatherer.ask([2], { by: 3 }, gone.signal)).rejects.toThrow('gone');
    const stopped = expect(gatherer.ask([3], { by: 4 }, later.signal)).rejects.toThrow('later');
    gone.abort(new Error('gone'));
    await proceed();
    expect(await first).toEqual([2]);
    await refused;
    while (batches.length < 2) await new Promise(setImmediate);
    later.abort(new Error('later'));
    await stopped;
    expect(batches).toEqual([[1], [3]]);
  });

  it('asks nothing again for who has gone when the batch fails', async () => {
    const { gatherer, batches, proceed } = doubler();
    const gone = new AbortController();
    const asked = [gatherer.ask([1], { by: 2 }, gone.signal), gatherer.ask([13], { by: 2 }, never)];
    const settled = Promise.allSettled(asked);
    while (batches.length === 0) await new Promise(setImmediate);
    gone.abort(new Error('gone'));
    for (let n = 0; n < 2; n++) await proceed();
    expect((await settled).map((one) => String((one as PromiseRejectedResult).reason))).toEqual([
      'Error: gone',
      'Error: thirteen',
    ]);
    expect(batches).toEqual([[1, 13], [13]]);
  });

  it('goes on with a batch while somebody waits for it', async () => {
    const { gatherer, batches, proceed } = doubler();
    const gone = new AbortController();
    const asked = [gatherer.ask([1], { by: 2 }, gone.signal), gatherer.ask([2], { by: 2 }, never)];
    while (batches.length === 0) await new Promise(setImmediate);
    gone.abort(new Error('gone'));
    await proceed();
    expect((await Promise.all(asked)).flat()).toEqual([2, 4]);
  });
});
