import type { FrameScores, LanguageScorer } from '../../../src/index.js';
import { Random } from '../../../src/random.js';
import { everyLabelling, logSoftmaxRows } from '../../ops/ctcCases.js';

/** Seeded scores of F frames and V symbols; the greater the scale, the surer. */
export function drawScores(seed: number, F: number, V: number, scale = 1.5): FrameScores & { rows: number[][] } {
  const random = new Random(seed);
  const rows = logSoftmaxRows(
    Float64Array.from({ length: F * V }, () => scale * random.normal()),
    F,
    V,
  );
  return { rows, logProbabilities: Float64Array.from(rows.flat()), symbolCount: V };
}

/** The scores of a path that is all but certain: `sure` for its symbols, the rest shared by the others. */
export function scoresOfPath(path: readonly number[], V: number, sure = 0.9): FrameScores {
  const rows = path.flatMap((symbol) =>
    Array.from({ length: V }, (_, v) => Math.log(v === symbol ? sure : (1 - sure) / (V - 1))),
  );
  return { logProbabilities: Float64Array.from(rows), symbolCount: V };
}

/** What a scorer gives to a whole text. */
export function scoreOf(scorer: LanguageScorer, symbols: readonly number[]): number {
  let state = scorer.start();
  let sum = 0;
  for (const symbol of symbols) {
    const next = scorer.next(state, symbol);
    sum += next.logProbability;
    if (sum === -Infinity) return sum;
    state = next.state;
  }
  return sum + scorer.finish(state);
}

/** All texts with the sums over their alignments, each scored, the best first: what a search without limits finds. */
export function everyText(rows: number[][], scorer?: LanguageScorer, blank = 0) {
  return [...everyLabelling(rows, blank)]
    .map(([key, probability]) => {
      const symbols = key === '' ? [] : key.split(',').map(Number);
      const [acoustic, language] = [Math.log(probability), scorer ? scoreOf(scorer, symbols) : 0];
      return { symbols, acoustic, language, total: acoustic + language };
    })
    .filter(({ total }) => total > -Infinity)
    .sort((a, b) => b.total - a.total);
}
