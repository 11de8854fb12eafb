import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { addingBatch, compareMemories, guessError, longMemoryPage } from '../../examples/longMemory.js';
import { Random } from '../../src/index.js';

beforeAll(() => tf.setBackend('cpu'));

describe('The adding problem', () => {
  it('marks one number in each half and asks for their sum', () => {
    const { x, y } = addingBatch(new Random(1), 5, 9);
    const sequences = x.arraySync();
    sequences.forEach((sequence, b) => {
      const marked = sequence.flatMap(([value, mark], t) => (mark === 1 ? [{ value, t }] : []));
      expect(marked).toHaveLength(2);
      expect(marked[0].t).toBeLessThan(4);
      expect(marked[1].t).toBeGreaterThanOrEqual(4);
      expect(y.arraySync()[b][0]).toBeCloseTo(marked[0].value + marked[1].value, 6);
    });
  });

  it('over 200 steps is learned by the LSTM and not by the RNN, on the same sequences', { timeout: 300_000 }, () => {
    const before = tf.memory().numTensors;
    const [lstm, rnn] = compareMemories({ batches: 400 });
    expect(lstm.errors.at(-1)).toBeLessThan(0.03);
    expect(lstm.solved).toBeGreaterThan(0.6);
    expect(rnn.errors.at(-1)).toBeGreaterThan(0.6 * guessError);
    expect(rnn.solved).toBeLessThan(0.4);
    expect(Math.abs(rnn.parameters / lstm.parameters - 1)).toBeLessThan(0.05);
    expect(tf.memory().numTensors).toBe(before);
    expect(longMemoryPage([lstm, rnn], 200).table.map(([name]) => name)).toEqual(['network', 'LSTM', 'RNN']);
  });
});
