import { refuseUnknown } from '../../options.js';
import { checkedScore, countFrames, DEFAULT_BLANK, type FrameScores, type SymbolSpan } from './frameScores.js';

export interface BestPath {
  symbols: SymbolSpan[];
  /** log p(path | x), in nats: of this one alignment, which is less than that of its symbols. */
  logProbability: number;
}

/**
 * Best path decoding: the most probable symbol of each frame, equal neighbours as one and blanks dropped (Graves et al. 2006,
 * section 3.2.1). Of equally probable symbols the first counts.
 */
export function ctcGreedy(scores: FrameScores, options: { blank?: number } = {}): BestPath {
  refuseUnknown('ctcGreedy', options, ['blank']);
  const { blank = DEFAULT_BLANK } = options;
  const { logProbabilities, symbolCount } = scores;
  const frames = countFrames(scores, blank);
  const path = new Int32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    const row = frame * symbolCount;
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      const score = checkedScore(logProbabilities[row + symbol], frame);
      if (score > logProbabilities[row + path[frame]]) path[frame] = symbol;
    }
  }
  return spansOfPath(path, scores, blank);
}

/** The symbols of a path (one symbol a frame) with their frames. */
export function spansOfPath(path: ArrayLike<number>, scores: FrameScores, blank: number): BestPath {
  const symbols: SymbolSpan[] = [];
  let logProbability = 0;
  let before = blank;
  for (let frame = 0; frame < path.length; frame++) {
    const symbol = path[frame];
    const score = scores.logProbabilities[frame * scores.symbolCount + symbol];
    logProbability += score;
    if (symbol !== blank) {
      if (symbol !== before) symbols.push({ symbol, start: frame, end: frame, confidence: 0 });
      const span = symbols[symbols.length - 1];
      span.end = frame + 1;
      span.confidence += (Math.min(1, Math.exp(score)) - span.confidence) / (span.end - span.start); // a running mean
    }
    before = symbol;
  }
  return { symbols, logProbability };
}
