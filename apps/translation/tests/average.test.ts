import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointStore, type CheckpointState } from '@cadenza/core';
import { describe, expect, it } from 'vitest';
import { averageWeights } from '../src/average.js';

/** A run that kept so many of its newest checkpoints, whose one weight is their step. */
function storeOf(steps: readonly number[], { keep, best }: { keep: number; best: number }): CheckpointStore {
  const store = new CheckpointStore(mkdtempSync(join(tmpdir(), 'cadenza-average-')), { keep });
  for (const step of steps) {
    const state = { format: 'cadenza-checkpoint', version: 1, step, best: { step: best, metrics: {} } };
    const weights = new Map([['w', { dtype: 'float32' as const, shape: [1], values: Float32Array.of(step) }]]);
    store.save({ weights, optimizer: new Map(), state: state as unknown as CheckpointState });
  }
  return store;
}

describe('averageWeights', () => {
  it('is the mean of the newest checkpoints', () => {
    const averaged = averageWeights(storeOf([10, 20, 30, 40], { keep: 3, best: 30 }), 3, 3)!;
    expect(averaged).toMatchObject({ step: 40, steps: [20, 30, 40] });
    expect(averaged.weights.get('w')!.values).toEqual(Float32Array.of(30));
  });

  it('leaves out a best checkpoint that is older than those kept as the newest', () => {
    const store = storeOf([10, 20, 30, 40], { keep: 2, best: 10 });
    expect(store.steps()).toEqual([10, 30, 40]);
    expect(() => averageWeights(store, 3, 2)).toThrow('Expected 3 checkpoints to average, got those of 30, 40');
  });
});
