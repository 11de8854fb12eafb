import { InputError } from '@cadenza/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { featureMatrix, FrameStacker, stackFeatures } from '../../src/index.js';

/** Frames that count from 1, of two values each. */
const frames = (count: number) =>
  featureMatrix(
    Float32Array.from({ length: 2 * count }, (_, at) => at + 1),
    2,
  );

describe('stackFeatures', () => {
  it('puts frames side by side and fills the last stack with zeros', () => {
    const { values, ...shape } = stackFeatures(frames(4), { size: 3, stride: 3 });
    expect(shape).toEqual({ frames: 2, dimension: 6 });
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0]);
  });

  it('lets stacks overlap, and leaves frames out', () => {
    expect([...stackFeatures(frames(3), { size: 2, stride: 1 }).values]).toEqual([1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 0, 0]);
    expect([...stackFeatures(frames(5), { size: 1, stride: 2 }).values]).toEqual([1, 2, 5, 6, 9, 10]);
  });

  it('gives ceil(F / stride) stacks, none of no frames', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (count, size, stride) => {
        expect(stackFeatures(frames(count), { size, stride }).frames).toBe(Math.ceil(count / stride));
      }),
    );
  });

  it('gives the same stacks whatever pieces the frames come in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(7), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (pieces, size, stride) => {
          const whole = frames(pieces.reduce((sum, piece) => sum + piece, 0));
          const stacker = new FrameStacker(2, { size, stride });
          const rows: number[] = [];
          let at = 0;
          for (const piece of pieces) {
            rows.push(...stacker.push(featureMatrix(whole.values.slice(2 * at, 2 * (at + piece)), 2)).values);
            at += piece;
          }
          rows.push(...stacker.end().values);
          expect(rows).toEqual([...stackFeatures(whole, { size, stride }).values]);
        },
      ),
    );
  });

  it('refuses frames of another size and stacks of none', () => {
    expect(() => new FrameStacker(3, { size: 2, stride: 2 }).push(frames(1))).toThrow(InputError);
    expect(() => stackFeatures(frames(1), { size: 0, stride: 1 })).toThrow(/Expected size to be/);
    expect(() => stackFeatures(frames(1), { size: 1, stride: 0.5 })).toThrow(/Expected stride to be/);
  });
});
