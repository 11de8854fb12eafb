import { describe, expect, it } from 'vitest';
import { chunkLimits, chunksOfLines } from '../src/translate.js';

async function* batches(...lists: (string[] | number)[]): AsyncGenerator<string[]> {
  for (const list of lists) {
    if (typeof list === 'number') await new Promise((resolve) => setTimeout(resolve, list));
    else yield list;
  }
}

async function chunks(source: AsyncIterable<string[]>, limits: Partial<Parameters<typeof chunksOfLines>[1]> = {}) {
  const all: string[][] = [];
  for await (const chunk of chunksOfLines(source, { lines: 3, characters: 100, patience: 10_000, ...limits }))
    all.push(chunk);
  return all;
}

describe('chunksOfLines', () => {
  it('keeps the order and fills chunks up to so many lines', async () => {
    const lines = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(await chunks(batches(lines.slice(0, 1), lines.slice(1, 5), [], lines.slice(5)))).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
      ['g'],
    ]);
  });

  it('ends a chunk at so many characters too', async () => {
    expect(await chunks(batches(['x'.repeat(90), 'x'.repeat(20), 'y']))).toEqual([
      ['x'.repeat(90), 'x'.repeat(20)],
      ['y'],
    ]);
  });

  it('gives what has come where the source pauses', async () => {
    expect(await chunks(batches(['a'], 300, ['b', 'c']), { patience: 20 })).toEqual([['a'], ['b', 'c']]);
  });

  it('ends at once when its reader fails or the signal is aborted, though the source still waits', async () => {
    const reads = (signal?: AbortSignal) =>
      chunksOfLines(batches(['a'], 60_000), { ...chunkLimits, patience: 20 }, signal);
    const fails = async (): Promise<void> => {
      for await (const [line] of reads()) throw new Error(`no translation of ${line}`);
    };
    await expect(fails()).rejects.toThrow('no translation of a');
    const controller = new AbortController();
    const stops = async (): Promise<void> => {
      for await (const _ of reads(controller.signal)) setTimeout(() => controller.abort(new Error('stopped')), 20);
    };
    await expect(stops()).rejects.toThrow('stopped');
  }, 5000);

  it('gives nothing for nothing, and throws what the source throws', async () => {
    expect(await chunks(batches())).toEqual([]);
    async function* broken(): AsyncGenerator<string[]> {
      yield ['a', 'b', 'c'];
      throw new Error('the pipe broke');
    }
    await expect(chunks(broken())).rejects.toThrow('the pipe broke');
  });
});
