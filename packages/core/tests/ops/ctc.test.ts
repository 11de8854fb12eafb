import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ctcLoss, type CtcLossOptions } from '../../src/ops/index.js';
import { everyLabelling, logSoftmaxRows } from './ctcCases.js';
import { distance, draw } from './recurrentCases.js';

interface GoldenCase extends Required<CtcLossOptions> {
  name: string;
  shape: [number, number, number];
  logits: number[];
  labels: number[][];
  frameLengths: number[];
  labelLengths: number[];
  dy: number[];
  losses: (number | null)[];
  dlogits: (number | null)[];
}

/** What PyTorch makes of them; tools/golden/ctc.py has written it. */
const golden: { cases: GoldenCase[] } = JSON.parse(
  readFileSync(new URL('../golden/ctc.json', import.meta.url), 'utf8'),
);

const integers = (values: number[]) => tf.tensor1d(values, 'int32');

/** Losses and gradients of one case, as plain numbers. */
function run(logits: tf.Tensor, rows: number[][], frames: number[], dy: number[], options: CtcLossOptions = {}) {
  const L = Math.max(...rows.map((row) => row.length));
  const labels = tf.tensor(
    rows.flatMap((row) => [...row, ...Array<number>(L - row.length).fill(-1)]),
    [rows.length, L],
    'int32',
  );
  const lengths = integers(rows.map((row) => row.length));
  const losses = (x: tf.Tensor) => ctcLoss(x, labels, integers(frames), lengths, options);
  const gradient = tf.grad((x) => tf.sum(tf.mul(losses(x), tf.tensor1d(dy))))(logits);
  return { losses: [...losses(logits).dataSync()], dlogits: [...gradient.dataSync()] };
}

describe('ctcLoss', () => {
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());

  it.each(golden.cases)('equals that of PyTorch: $name', (golden) => {
    const rows = golden.labels.map((row, b) => row.slice(0, golden.labelLengths[b]));
    const { blank, zeroInfinity } = golden;
    const logits = tf.tensor3d(golden.logits, golden.shape);
    const got = run(logits, rows, golden.frameLengths, golden.dy, { blank, zeroInfinity });
    got.losses.forEach((loss, b) => {
      const wanted = golden.losses[b];
      // Losses up to 200 leave float32 about 1e-5.
      if (wanted === null) expect(loss).toBe(Infinity);
      else expect(Math.abs(loss - wanted)).toBeLessThan(1e-6 * Math.max(1, wanted));
    });
    got.dlogits.forEach((value, e) => {
      const wanted = golden.dlogits[e];
      if (wanted === null) expect(value).toBeNaN();
      else expect(Math.abs(value - wanted)).toBeLessThan(2e-6);
    });
  });

  it('is the sum over all alignments', () => {
    const [F, V] = [4, 3];
    const logits = draw(5).floats([1, F, V], 2);
    const sums = everyLabelling(logSoftmaxRows(logits.dataSync(), F, V));
    expect(sums.size).toBe(15);
    for (const [key, probability] of sums) {
      const labels = key === '' ? [] : key.split(',').map(Number);
      const { losses } = run(logits, [labels], [F], [1]);
      expect(Math.abs(losses[0] + Math.log(probability))).toBeLessThan(1e-5);
    }
  });

  it('has the gradient of finite differences', () => {
    const [F, V] = [5, 4];
    const rows = [[1, 1, 2], [3]];
    const frames = [5, 3];
    const dy = [0.7, -1.3];
    const values = draw(6).floats([2, F, V]).dataSync();
    const objective = (changed: Float32Array) => {
      const { losses } = run(tf.tensor3d(changed, [2, F, V]), rows, frames, dy);
      return losses[0] * dy[0] + losses[1] * dy[1];
    };
    const { dlogits } = run(tf.tensor3d(Float32Array.from(values), [2, F, V]), rows, frames, dy);
    const step = 1e-2;
    dlogits.forEach((gradient, e) => {
      const [above, below] = [step, -step].map((change) => {
        const changed = Float32Array.from(values);
        changed[e] += change;
        return objective(changed);
      });
      // Float32 losses near 10 differ by 1e-6, which the step of 2e-2 makes 1e-4; the third derivative adds about as much.
      expect(Math.abs((above - below) / (2 * step) - gradient)).toBeLessThan(5e-4);
    });
  });

  it('does not read what lies beyond the lengths', () => {
    const [F, V] = [5, 4];
    const { floats } = draw(7);
    const logits = floats([2, F, V]);
    const rows = [[1, 2], [3]];
    const padded = tf.concat([logits, tf.fill([2, 2, V], NaN)], 1);
    const short = run(logits, rows, [5, 5], [1, 2]);
    const long = run(padded, rows, [5, 5], [1, 2]);
    expect(long.losses).toEqual(short.losses);
    const kept = tf.tensor3d(long.dlogits, [2, F + 2, V]);
    expect(distance(tf.slice(kept, [0, 0, 0], [2, F, V]).dataSync(), short.dlogits)).toBe(0);
    expect([...tf.slice(kept, [0, F, 0], [2, 2, V]).dataSync()].every((value) => value === 0)).toBe(true);
    const label = (padding: number) =>
      ctcLoss(logits, tf.tensor2d([1, 2, 3, padding], [2, 2], 'int32'), integers([5, 5]), integers([2, 1])).dataSync();
    expect([...label(99)]).toEqual(short.losses);
  });

  it('takes no frames for no labels only', () => {
    const logits = tf.ones([2, 3, 4]);
    expect(run(logits, [[], [1]], [0, 0], [1, 1], { zeroInfinity: false }).losses).toEqual([0, Infinity]);
    expect(run(logits, [[], [1]], [0, 0], [1, 1], { zeroInfinity: true }).losses).toEqual([0, 0]);
  });

  it('keeps its digits over a thousand frames', () => {
    const [F, V] = [1000, 30];
    const uniform = run(tf.zeros([1, F, V]), [[]], [F], [1]);
    expect(Math.abs(uniform.losses[0] / (F * Math.log(V)) - 1)).toBeLessThan(1e-7);
    const certain = tf.tensor(
      Float32Array.from({ length: F * V }, (_, e) => (e % V === 0 ? 60 : 0)),
      [1, F, V],
    );
    expect(run(certain, [[]], [F], [1]).losses[0]).toBeLessThan(1e-12);
  });

  it('leaves no tensor behind', () => {
    const logits = draw(8).floats([2, 4, 3]);
    const labels = tf.tensor2d([1, 2, 1, -1], [2, 2], 'int32');
    const [frames, lengths] = [integers([4, 3]), integers([2, 1])];
    const before = tf.memory().numTensors;
    tf.dispose(ctcLoss(logits, labels, frames, lengths));
    tf.dispose(tf.grad((x) => tf.sum(ctcLoss(x, labels, frames, lengths)))(logits));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('names what is wrong', () => {
    const logits = tf.ones([2, 4, 3]);
    const labels = tf.tensor2d([1, 2, 1, -1], [2, 2], 'int32');
    const [frames, lengths] = [integers([4, 3]), integers([2, 1])];
    expect(() => ctcLoss(logits, labels, frames, integers([2, 2]))).toThrow(
      'Expected labels to be of [0, 3) and not the blank 0, got -1 at position 1 of row 1',
    );
    expect(() => ctcLoss(logits, labels, frames, lengths, { zeroInfinite: true } as never)).toThrow(
      'Expected an option that ctcLoss knows, got zeroInfinite; did you mean zeroInfinity?',
    );
    expect(() => ctcLoss(logits, labels, frames, lengths, { blank: 1 })).toThrow(
      'Expected labels to be of [0, 3) and not the blank 1, got 1 at position 0 of row 0',
    );
    expect(() => ctcLoss(logits, labels, frames, lengths, { blank: 3 })).toThrow(
      'Expected blank to be an integer of [0, 3), got 3',
    );
    expect(() => ctcLoss(logits, labels, integers([5, 1]), lengths)).toThrow(
      'Expected frameLengths to be of [0, 4], got 5 in row 0',
    );
    expect(() => ctcLoss(logits, labels, frames, integers([1, -1]))).toThrow(
      'Expected labelLengths to be of [0, 2], got -1 in row 1',
    );
    expect(() => ctcLoss(logits, labels, tf.tensor1d([4, 3]), lengths)).toThrow(
      'Expected frameLengths to be of type int32, got float32',
    );
    expect(() => ctcLoss(logits, labels, integers([4]), lengths)).toThrow(
      'Expected frameLengths to have shape [B=2], got [1]',
    );
  });
});
