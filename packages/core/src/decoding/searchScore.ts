import type { HypothesisLink } from './hypothesisLink.js';

/**
 * By what a hypothesis' log-probability is divided, so that short ones are not preferred. |Y| counts the end token.
 *
 *     gnmt     lp(Y) = ((5 + |Y|) / 6)^alpha     Wu et al. 2016, eq. 14
 *     average  lp(Y) = |Y|^alpha                 alpha = 1: the mean of the tokens' log-probabilities
 *     none     lp(Y) = 1
 */
export interface LengthPenalty {
  kind: 'gnmt' | 'average' | 'none';
  /** At least 0; 1 unless told. */
  alpha?: number;
}

/** Below this a source position counts as just not attended to: its logarithm must not outweigh all else. */
const LEAST_COVERAGE = 1e-9;

/** lp(Y) for |Y| = length */
export function lengthPenalty({ kind, alpha = 1 }: LengthPenalty, length: number): number {
  if (kind === 'none') return 1;
  return (kind === 'gnmt' ? (5 + length) / 6 : Math.max(length, 1)) ** alpha;
}

/**
 * cp(X; Y) = beta sum_i log(min(sum_j a_ji, 1)): how far the source was left unread (Wu et al. 2016, eq. 15). 0 where every position
 * has got attention of 1 or more in all, below 0 otherwise.
 */
export function coveragePenalty(attentions: Iterable<Float32Array>, sourceLength: number, beta: number): number {
  const coverage = new Float64Array(sourceLength);
  for (const weights of attentions) for (let i = 0; i < sourceLength; i++) coverage[i] += weights[i];
  let sum = 0;
  for (const covered of coverage) sum += Math.log(Math.min(Math.max(covered, LEAST_COVERAGE), 1));
  return beta * sum;
}

/** The score of whole hypotheses, and what those that still grow can reach at best. */
export class HypothesisScorer {
  constructor(
    private readonly penalty: LengthPenalty,
    private readonly beta: number,
  ) {}

  /** log P(Y|X) / lp(Y) + cp(X; Y), Wu et al. 2016, eq. 14 */
  score(link: HypothesisLink, sourceLength: number): number {
    const score = link.total / lengthPenalty(this.penalty, link.length);
    if (this.beta === 0) return score;
    return score + coveragePenalty(attentionsOf(link), sourceLength, this.beta);
  }

  /**
   * No continuation of a hypothesis has a higher score: log-probabilities only add what is not above 0, so that the sum stays at
   * `total` at best; dividing by the largest lp, that of the greatest length, makes it largest; and cp is never above 0.
   */
  upperBound(total: number, greatestLength: number): number {
    return total / lengthPenalty(this.penalty, greatestLength);
  }
}

function* attentionsOf(link: HypothesisLink): Generator<Float32Array> {
  for (let at: HypothesisLink | null = link; at; at = at.parent) if (at.attention) yield at.attention;
}
