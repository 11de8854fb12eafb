import { describe, expect, it } from 'vitest';
import { ctcGreedy, forcedAlignment } from '../../../src/index.js';
import { collapse, everyPath } from '../../ops/ctcCases.js';
import { drawScores, scoresOfPath } from './scores.js';

describe('forcedAlignment', () => {
  it.each([[[]], [[1]], [[1, 1]], [[2, 1]], [[1, 2, 1]], [[2, 2, 1]]])(
    'finds the most probable alignment of %j among all',
    (symbols) => {
      const scores = drawScores(3, 5, 3);
      const best = [...everyPath(scores.rows)]
        .filter(({ path }) => collapse(path).join() === symbols.join())
        .reduce((a, b) => (b.logProbability > a.logProbability ? b : a));
      const got = forcedAlignment(scores, symbols);
      expect(got.logProbability).toBeCloseTo(best.logProbability, 10);
      expect(got.symbols.map(({ symbol }) => symbol)).toEqual(symbols);
      for (const { symbol, start, end, confidence } of got.symbols) {
        const frames = best.path.slice(start, end);
        expect(frames.every((s) => s === symbol)).toBe(true);
        const mean = frames.reduce((sum, s, t) => sum + Math.exp(scores.rows[start + t][s]), 0) / frames.length;
        expect(confidence).toBeCloseTo(mean, 10);
      }
    },
  );

  it('of the best path itself is the best path', () => {
    const scores = drawScores(4, 12, 4);
    const best = ctcGreedy(scores);
    expect(
      forcedAlignment(
        scores,
        best.symbols.map(({ symbol }) => symbol),
      ),
    ).toEqual(best);
  });

  it('names what is wrong', () => {
    const scores = scoresOfPath([1, 2], 3);
    expect(() => forcedAlignment(scores, [1, 1])).toThrow(
      'Expected the frames to align to be at least 3 for 2 symbols, got 2',
    );
    expect(() => forcedAlignment(scores, [1, 0])).toThrow(
      'Expected symbol 1 to be an integer of [0, 3) and not the blank 0, got 0',
    );
    expect(() => forcedAlignment(scoresOfPath([1, 1], 3, 1), [2])).toThrow(
      'Expected an alignment of probability above 0, got none',
    );
    expect(() => forcedAlignment(scores, [1], { blanc: 2 } as never)).toThrow(/forcedAlignment knows, got blanc/);
  });
});
