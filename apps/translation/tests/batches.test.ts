import { BOS_ID } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { pairTensors } from '../src/batches.js';

describe('pairTensors', () => {
  it('begins what the decoder reads with the start token, for a target of any length', async () => {
    await tf.setBackend('cpu');
    const target = new Int32Array(300_000).fill(9);
    target[0] = 7;
    const { inputs, ...others } = pairTensors([{ source: Int32Array.of(5), target }]);
    expect(inputs.shape).toEqual([1, target.length]);
    expect([...inputs.dataSync().subarray(0, 3)]).toEqual([BOS_ID, 7, 9]);
    tf.dispose([inputs, others]);
  });
});
