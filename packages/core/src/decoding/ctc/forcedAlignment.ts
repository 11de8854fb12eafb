import { InputError, expected } from '../../errors.js';
import { refuseUnknown } from '../../options.js';
import { spansOfPath, type BestPath } from './ctcGreedy.js';
import { checkedScore, countFrames, DEFAULT_BLANK, type FrameScores } from './frameScores.js';

/**
 * Where each symbol of a known text lies: the most probable of the alignments that give the text (Viterbi; the recursion of
 * Graves et al. 2006, equation 6, with a maximum for the sum).
 *
 *     best_t(s) = log y_t(l'_s) + max(best_{t-1}(s), best_{t-1}(s-1), [l'_s is no blank and not l'_{s-2}] best_{t-1}(s-2))
 *
 * Throws an {@link InputError} where no alignment gives the text: each symbol takes a frame, and so does the blank between two
 * equal ones.
 */
export function forcedAlignment(
  scores: FrameScores,
  symbols: readonly number[],
  options: { blank?: number } = {},
): BestPath {
  refuseUnknown('forcedAlignment', options, ['blank']);
  const { blank = DEFAULT_BLANK } = options;
  const frames = countFrames(scores, blank);
  const extended = extend(symbols, scores.symbolCount, blank); // [S]
  const needed = symbols.length + symbols.filter((symbol, place) => symbol === symbols[place - 1]).length;
  if (frames < needed) {
    throw new InputError(expected('the frames to align', `at least ${needed} for ${symbols.length} symbols`, frames), {
      code: 'ALIGNMENT',
    });
  }
  const { steps, end } = bestSteps(scores, extended, frames, blank);
  const path = new Int32Array(frames);
  for (let frame = frames - 1, s = end; frame >= 0; frame--) {
    path[frame] = extended[s];
    s -= steps[frame * extended.length + s];
  }
  return spansOfPath(path, scores, blank);
}

function extend(symbols: readonly number[], symbolCount: number, blank: number): Int32Array {
  const extended = new Int32Array(2 * symbols.length + 1).fill(blank);
  symbols.forEach((symbol, place) => {
    if (!(Number.isInteger(symbol) && symbol >= 0 && symbol < symbolCount && symbol !== blank)) {
      const wanted = `an integer of [0, ${symbolCount}) and not the blank ${blank}`;
      throw new InputError(expected(`symbol ${place}`, wanted, symbol), { code: 'ID' });
    }
    extended[2 * place + 1] = symbol;
  });
  return extended;
}

/** How far the best alignment came from to be at each place of l' in each frame, [F, S], and where it ends. */
function bestSteps(scores: FrameScores, extended: Int32Array, frames: number, blank: number) {
  const S = extended.length;
  const steps = new Uint8Array(frames * S);
  let before = new Float64Array(S).fill(-Infinity);
  let best = new Float64Array(S).fill(-Infinity);
  before[0] = 0; // as if a blank had come before the first frame, where place 0 and 1 may follow
  for (let frame = 0; frame < frames; frame++) {
    for (let s = 0; s < S; s++) {
      let step = 0;
      if (s >= 1 && before[s - 1] > before[s]) step = 1;
      const skips = s >= 2 && extended[s] !== blank && extended[s] !== extended[s - 2];
      if (skips && before[s - 2] > before[s - step]) step = 2;
      steps[frame * S + s] = step;
      const score = scores.logProbabilities[frame * scores.symbolCount + extended[s]];
      best[s] = before[s - step] + checkedScore(score, frame);
    }
    [before, best] = [best, before];
  }
  const end = S >= 2 && before[S - 2] > before[S - 1] ? S - 2 : S - 1;
  if (before[end] === -Infinity) {
    throw new InputError('Expected an alignment of probability above 0, got none', { code: 'ALIGNMENT' });
  }
  return { steps, end };
}
