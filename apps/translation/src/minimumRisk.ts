import { expectedUtilities, pairwiseBleu } from '@cadenza/core';
import type { Hypothesis } from './translationOptions.js';

/** What a search's scores are divided by before softmax makes shares of them; chosen on Multi30k's validation part, 0.35 to 1 are alike. */
const TEMPERATURE = 0.5;

/**
 * The different translations of one piece in the order of the sentence BLEU that each can expect, where any of them may be the right one: their
 * `score` from here on. The first is the one most like all the others, by minimum Bayes risk (Kumar and Byrne 2004).
 * @param drawn each counts as much as another, since likely ones were drawn more often; else they count by the search's scores, in which a
 * longer translation does not count less for being long, as it does by its probability
 */
export function byExpectedBleu(hypotheses: readonly Hypothesis[], drawn: boolean): Hypothesis[] {
  const texts = hypotheses.map(({ words }) => words.join(' '));
  const utility = pairwiseBleu(texts, { tokenize: 'none', smoothing: 'add-k' });
  const scores = hypotheses.map(({ score }) => (drawn ? 0 : score / TEMPERATURE));
  const expected = expectedUtilities(scores, utility);
  const sorted = hypotheses
    .map((hypothesis, index) => ({ ...hypothesis, score: expected[index] }))
    .sort((a, b) => b.score - a.score);
  const seen = new Set<string>();
  return sorted.filter(({ text }) => !seen.has(text) && seen.add(text));
}
