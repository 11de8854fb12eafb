import { expected as expectation, InputError } from '../errors.js';
import { logSoftmax } from './logitsFilters.js';

/**
 * How good each candidate is expected to be, where any of them may be what is wanted:
 *
 *     sum_j p_j utility(i, j)        p = softmax(scores)
 *
 * To choose the greatest is to decode by minimum Bayes risk (Kumar and Byrne 2004, eq. 3): of translations the one that is most like
 * all the others, which are many and each of little probability, in place of the likeliest.
 *
 * @param scores log-probabilities of the N candidates, which need not add up to 1; all equal for such as were drawn (Eikema and Aziz 2020)
 * @param utility of candidate i where j is what is wanted; finite
 * @returns [N]
 */
export function expectedUtilities(
  scores: ArrayLike<number>,
  utility: (candidate: number, wanted: number) => number,
): Float64Array {
  if (scores.length === 0) return new Float64Array();
  const all = Array.from(scores);
  for (const score of all) {
    if (!(score < Infinity)) throw new InputError(expectation('scores', 'numbers below infinity', score));
  }
  if (all.every((score) => score === -Infinity)) {
    throw new InputError('Expected scores of which one at least is above -Infinity, got none such');
  }
  const shares = logSoftmax(scores).map(Math.exp);
  return Float64Array.from(shares, (_, candidate) => {
    let sum = 0;
    for (const [wanted, share] of shares.entries()) {
      if (share > 0) sum += share * utility(candidate, wanted);
    }
    return sum;
  });
}
