import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkDiskSpace } from '../../src/training/diskSpace.js';
import { optimizerSchema } from '../../src/training/schemas.js';

describe('checkDiskSpace', () => {
  const learning = { optimizer: optimizerSchema.parse({}), ema: 0 };

  it('refuses a model whose checkpoints the disk cannot hold', () => {
    expect(() => checkDiskSpace(tmpdir(), 1e15, learning)).toThrow(/Expected .* MB free on the disk for the run, got/);
    checkDiskSpace(join(tmpdir(), 'not', 'there', 'yet'), 1000, learning);
  });

  it('counts the checkpoints that are kept, the optimizer’s slots and the average', () => {
    const needed = (
      ...options: Parameters<typeof checkDiskSpace> extends [string, ...infer Rest] ? Rest : never
    ): number => {
      try {
        checkDiskSpace(tmpdir(), ...options);
      } catch (error) {
        return Number(/Expected ([\d.]+) MB/.exec((error as Error).message)![1]);
      }
      return 0;
    };
    const plain = needed(1e15, learning);
    expect(needed(1e15, learning, 6) / plain).toBeCloseTo(2, 5);
    expect(needed(1e15, { ...learning, ema: 0.9 }) / plain).toBeCloseTo(4 / 3, 5);
    expect(needed(1e15, { ...learning, optimizer: optimizerSchema.parse({ name: 'sgd' }) }) / plain).toBeCloseTo(
      2 / 3,
      5,
    );
  });
});
