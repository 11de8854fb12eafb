import { describe, expect, it } from 'vitest';
import { blockBytes, BufferPool } from '../src/bufferPool.js';

const makePool = (limit = 1 << 20) => new BufferPool(() => 16, limit);

describe('the buffer pool', () => {
  it('rounds sizes up to multiples of 64 and wastes at most an eighth', () => {
    for (let bytes = 1; bytes < 300_000; bytes = Math.ceil(bytes * 1.07)) {
      const size = blockBytes(bytes);
      expect(size % 64).toBe(0);
      expect(size).toBeGreaterThanOrEqual(bytes);
      if (bytes > 1024) expect(size).toBeLessThanOrEqual(bytes * 1.125 + 64);
      expect(blockBytes(size)).toBe(size);
    }
  });

  it('hands out again what was given back, and nothing else', () => {
    const pool = makePool();
    const [first, second] = [pool.take(5000), pool.take(5000)];
    expect(second.buffer).not.toBe(first.buffer);
    pool.give(first);
    expect(pool.take(4990).buffer).toBe(first.buffer);
    expect(pool.take(5000).buffer).not.toBe(second.buffer);
    expect(pool.statistics()).toMatchObject({ allocations: 3, reuses: 1, free: 0 });
  });

  it('hands out a block up to a quarter larger where none has the size, the best fitting one first', () => {
    const pool = makePool();
    const [large, fitting, exact] = [pool.take(16384), pool.take(5120), pool.take(4096)];
    for (const block of [large, fitting, exact]) pool.give(block);
    expect(pool.take(4096)).toBe(exact);
    expect(pool.take(4096)).toBe(fitting);
    expect(pool.statistics()).toMatchObject({ inUse: 4096 + 5120, free: 16384, reuses: 2 });
    expect(pool.take(4096).bytes).toBe(4096); // four times larger is too large
    pool.give(fitting);
    expect(pool.take(5120)).toBe(fitting);
  });

  it('starts blocks where the memory is aligned', () => {
    const { buffer, offset, bytes } = makePool().take(5000);
    expect(offset).toBe(16);
    expect(buffer.byteLength).toBeGreaterThanOrEqual(offset + bytes);
  });

  it('keeps no more free bytes than its limit', () => {
    const pool = makePool(10_000);
    const blocks = [pool.take(4000), pool.take(4000), pool.take(4000), pool.take(20_000)];
    for (const block of blocks) pool.give(block);
    expect(pool.statistics().free).toBeLessThanOrEqual(10_000);
    expect(pool.statistics().inUse).toBe(0);
  });

  it('lets its free blocks go and tries again when memory runs out', () => {
    let isFull = false;
    const pool = new BufferPool(() => {
      if (isFull && pool.statistics().free > 0) throw new RangeError('Array buffer allocation failed');
      return 0;
    }, 1 << 20);
    pool.give(pool.take(4000));
    isFull = true;
    expect(pool.take(8000).bytes).toBe(8192);
    expect(pool.statistics().free).toBe(0);
  });

  it('says how much memory it wanted when there is none', () => {
    const none = () => {
      throw new RangeError('Array buffer allocation failed');
    };
    const pool = new BufferPool(none, 1 << 20);
    expect(() => pool.take(3 << 20)).toThrow('Expected 3 MB of memory for a tensor, got none from the system');
    expect(pool.statistics()).toMatchObject({ inUse: 0, allocations: 0 });
  });
});
