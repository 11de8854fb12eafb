import type { Hypothesis } from './searchModel.js';

/** A hypothesis as its last token and the hypothesis before it: growing by a token costs the same at any length. */
export interface HypothesisLink {
  parent: HypothesisLink | null;
  token: number;
  /** log p(token | those before it) */
  logProbability: number;
  /** The sum of the log-probabilities up to here. */
  total: number;
  /** The number of tokens, the start token not counted. */
  length: number;
  /** [S], of the step that chose the token */
  attention?: Float32Array;
}

/** The hypothesis of no token yet. */
export function emptyLink(startToken: number): HypothesisLink {
  return { parent: null, token: startToken, logProbability: 0, total: 0, length: 0 };
}

/** One token more. A log-probability that rounding made positive counts as 0, so that totals never rise. */
export function extendLink(
  parent: HypothesisLink,
  token: number,
  logProbability: number,
  attention?: Float32Array,
): HypothesisLink {
  const atMostOne = Math.min(logProbability, 0);
  return {
    parent,
    token,
    logProbability: atMostOne,
    total: parent.total + atMostOne,
    length: parent.length + 1,
    attention,
  };
}

/** The tokens after the start token. */
export function tokensOf(link: HypothesisLink): number[] {
  const tokens = new Array<number>(link.length);
  for (let at = link; at.parent; at = at.parent) tokens[at.length - 1] = at.token;
  return tokens;
}

/** What was known of an ended hypothesis. */
export interface EndedHypothesis {
  link: HypothesisLink;
  score: number;
  /** True where the model chose to end. */
  finished: boolean;
}

/** Puts a hypothesis among the best ones, best first and so many at most; of equal ones the earlier stays ahead. */
export function rankHypothesis(best: EndedHypothesis[], hypothesis: EndedHypothesis, size: number): void {
  let place = best.length;
  while (place > 0 && hypothesis.score > best[place - 1].score) place--;
  best.splice(place, 0, hypothesis);
  if (best.length > size) best.pop();
}

/** What a search gives for a hypothesis that ended. */
export function wholeHypothesis(ended: EndedHypothesis, endToken: number, sourceLength?: number): Hypothesis {
  const { link, score, finished } = ended;
  const tokens = tokensOf(link);
  const tokenLogProbabilities = new Float64Array(link.length);
  for (let at = link; at.parent; at = at.parent) tokenLogProbabilities[at.length - 1] = at.logProbability;
  if (link.length > 0 && link.token === endToken) tokens.pop();
  const hypothesis: Hypothesis = { tokens, score, logProbability: link.total, tokenLogProbabilities, finished };
  if (sourceLength === undefined) return hypothesis;
  return { ...hypothesis, attention: stackAttention(link, sourceLength) };
}

/** [T, S], cut off after the sentence's own source positions */
function stackAttention(link: HypothesisLink, sourceLength: number): Float32Array {
  const stacked = new Float32Array(link.length * sourceLength);
  for (let at = link; at.parent; at = at.parent) {
    if (at.attention) stacked.set(at.attention.subarray(0, sourceLength), (at.length - 1) * sourceLength);
  }
  return stacked;
}
