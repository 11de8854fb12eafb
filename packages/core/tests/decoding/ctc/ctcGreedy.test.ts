import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { ctcGreedy, readFrameScores } from '../../../src/index.js';
import { collapse, everyPath } from '../../ops/ctcCases.js';
import { drawScores, scoresOfPath } from './scores.js';

describe('ctcGreedy', () => {
  it('follows the most probable of all paths', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const scores = drawScores(seed, 5, 3);
      const best = [...everyPath(scores.rows)].reduce((a, b) => (b.logProbability > a.logProbability ? b : a));
      const { symbols, logProbability } = ctcGreedy(scores);
      expect(symbols.map(({ symbol }) => symbol)).toEqual(collapse(best.path));
      expect(logProbability).toBeCloseTo(best.logProbability, 10);
    }
  });

  it('gives each symbol its frames and their mean probability', () => {
    const scores = scoresOfPath([0, 1, 1, 0, 1, 2, 2, 2, 0], 3, 0.8);
    const confidence = expect.closeTo(0.8, 10);
    expect(ctcGreedy(scores).symbols).toEqual([
      { symbol: 1, start: 1, end: 3, confidence },
      { symbol: 1, start: 4, end: 5, confidence },
      { symbol: 2, start: 5, end: 8, confidence },
    ]);
    expect(ctcGreedy(scores, { blank: 2 }).symbols.map(({ symbol }) => symbol)).toEqual([0, 1, 0, 1, 0]);
  });

  it('finds nothing in no frames', () => {
    expect(ctcGreedy({ logProbabilities: [], symbolCount: 3 })).toEqual({ symbols: [], logProbability: 0 });
  });

  it('names what is wrong', () => {
    expect(() => ctcGreedy({ logProbabilities: [0, 0, 0], symbolCount: 2 })).toThrow(
      'Expected the length of logProbabilities to be a multiple of symbolCount = 2, got 3',
    );
    expect(() => ctcGreedy({ logProbabilities: [0, NaN], symbolCount: 2 })).toThrow(
      'Expected logProbabilities of frame 0 to be at most 0, got NaN',
    );
    expect(() => ctcGreedy(scoresOfPath([0], 3), { blank: 3 })).toThrow(
      'Expected blank to be an integer of [0, 3), got 3',
    );
    expect(() => ctcGreedy(scoresOfPath([0], 3), { blanc: 2 } as never)).toThrow(
      'Expected an option that ctcGreedy knows, got blanc; did you mean blank?',
    );
  });
});

describe('readFrameScores', () => {
  it('normalises each frame and drops the padding, leaving no tensor behind', async () => {
    const logits = tf.tensor3d([0, 0, 5, 5, NaN, NaN, 0, 0, 1, 1, 2, 2], [2, 3, 2]);
    const before = tf.memory().numTensors;
    const scores = await readFrameScores(logits, [2, 3]);
    expect(tf.memory().numTensors).toBe(before);
    expect(scores.map(({ logProbabilities }) => logProbabilities.length)).toEqual([4, 6]);
    for (const { logProbabilities } of scores) {
      for (const value of Array.from(logProbabilities)) expect(value).toBeCloseTo(-Math.log(2), 6);
    }
    await expect(readFrameScores(logits, [2, 4])).rejects.toThrow(
      'Expected frameLengths to be 2 integers of [0, 3], got [2, 4]',
    );
    logits.dispose();
  });
});
