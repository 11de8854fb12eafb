import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { countNgrams, START_ID, type NgramCounts } from './countNgrams.js';
import { NgramTable, ROOT } from './ngramTable.js';

export interface NgramTrainOptions {
  /** The length of the longest n-grams; 3 when absent. */
  order?: number;
  /** The tokens that the model knows; the others count as `<unk>`. Those of the sentences when absent. */
  vocabulary?: Iterable<string>;
  /** Tokens that occur less often count as `<unk>`; 1 when absent. */
  minimumCount?: number;
  /**
   * For each length from 1 on, up to which count its n-grams are left out: [0, 0, 1] drops trigrams that occur once. The last
   * number goes on for longer ones. The first is 0, and none is less than that before it.
   */
  prune?: readonly number[];
}

/** The discounts of n-grams of one length that occur once, twice, and more often. */
export type Discounts = readonly [number, number, number];

/** Where too few n-grams were counted to estimate them. */
const FALLBACK_DISCOUNTS: Discounts = [0.5, 1, 1.5];

/** log10 p of the start of a sentence, which follows nothing. */
const NEVER = -99 * Math.LN10;

/**
 * Modified Kneser-Ney smoothing, interpolated (Chen and Goodman 1998, section 3; adjusted counts as Heafield, Pouzyrevsky, Clark
 * and Koehn 2013):
 *
 *     p(w | h)  = (a(h w) - D(a(h w))) / sum_x a(h x) + gamma(h) p(w | h without its first)
 *     gamma(h)  = sum_x D(a(h x)) / sum_x a(h x)
 *     D_k       = k - (k + 1) Y t_{k+1} / t_k, k = 1, 2, 3 and more      Y = t_1 / (t_1 + 2 t_2)
 *
 * a are the adjusted counts, t_k the number of n-grams of a length whose adjusted count is k. Below the unigrams stands
 * 1 / |V|, over all tokens but `<s>`. Where a D is not above 0 and at most k, all three of that length are 0.5, 1, 1.5. N-grams
 * that are left out give their whole count to gamma.
 */
export function trainKneserNey(
  sentences: readonly (readonly string[])[],
  options: NgramTrainOptions,
): { table: NgramTable; discounts: Discounts[] } {
  refuseUnknown('NgramModel.train', options, ['order', 'vocabulary', 'minimumCount', 'prune']);
  const { order = 3, vocabulary, minimumCount = 1, prune = [0] } = options;
  if (!(Number.isInteger(order) && order >= 1)) throw new ConfigError(expected('order', 'a positive integer', order));
  if (!(Number.isInteger(minimumCount) && minimumCount >= 1)) {
    throw new ConfigError(expected('minimumCount', 'a positive integer', minimumCount));
  }
  checkPrune(prune);
  if (sentences.length === 0) throw new InputError('Expected at least one sentence to train on, got none');
  const counted = countNgrams(sentences, order, { vocabulary, minimumCount });
  const discounts = estimateDiscounts(counted, order);
  return { table: smooth(counted, order, discounts, prune), discounts };
}

function checkPrune(prune: readonly number[]): void {
  const rising = prune.every(
    (count, place) => Number.isInteger(count) && count >= (place === 0 ? 0 : prune[place - 1]),
  );
  if (!(rising && prune[0] === 0)) {
    throw new ConfigError(expected('prune', 'integers from 0 on, none less than that before it', [...prune]));
  }
}

function estimateDiscounts({ table, adjusted }: NgramCounts, order: number): Discounts[] {
  const seen = Array.from({ length: order + 1 }, () => [0, 0, 0, 0, 0]); // t_k by length
  for (let node = 1; node < table.size; node++) {
    if (adjusted[node] >= 1 && adjusted[node] <= 4) seen[table.lengths[node]][adjusted[node]]++;
  }
  return seen.slice(1).map((t) => {
    const Y = t[1] / (t[1] + 2 * t[2]);
    const D = [1, 2, 3].map((k) => k - ((k + 1) * Y * t[k + 1]) / t[k]);
    return D.every((value, place) => value > 0 && value <= place + 1)
      ? (D as unknown as Discounts)
      : FALLBACK_DISCOUNTS;
  });
}

/** Probabilities and backoffs of all n-grams that are kept, the shorter ones first. */
function smooth(counted: NgramCounts, order: number, discounts: Discounts[], prune: readonly number[]): NgramTable {
  const { table, counts, adjusted } = counted;
  const isKept = (node: number) => {
    const length = table.lengths[node];
    return length === 1 || counts[node] > prune[Math.min(length, prune.length) - 1];
  };
  const discountOf = (node: number) => {
    const a = adjusted[node];
    return a === 0 ? 0 : isKept(node) ? discounts[table.lengths[node] - 1][Math.min(a, 3) - 1] : a;
  };
  const sums = new Float64Array(table.size);
  const discounted = new Float64Array(table.size);
  for (let node = 1; node < table.size; node++) {
    sums[table.parents[node]] += adjusted[node];
    discounted[table.parents[node]] += discountOf(node);
  }
  // Nothing follows the longest n-grams and the ends of sentences: all is left to what is shorter.
  const gamma = (node: number) => (sums[node] > 0 ? discounted[node] / sums[node] : 1);
  const probabilities = new Float64Array(table.size);
  probabilities[ROOT] = 1 / (table.tokens.length - 1); // what unigrams are interpolated with
  const smoothed = new NgramTable(table.tokens);
  const places = new Int32Array(table.size).fill(-1); // of each node in the smoothed table
  places[ROOT] = ROOT;
  for (const nodes of byLength(table, order)) {
    for (const node of nodes) {
      if (!isKept(node)) continue;
      const parent = table.parents[node];
      const share = sums[parent] > 0 ? (adjusted[node] - discountOf(node)) / sums[parent] : 0;
      probabilities[node] = share + gamma(parent) * probabilities[table.suffixes[node]];
      const isStart = parent === ROOT && table.lastTokens[node] === START_ID;
      const logProbability = isStart ? NEVER : Math.log(probabilities[node]);
      places[node] = smoothed.add(places[parent], table.lastTokens[node], logProbability, Math.log(gamma(node)));
    }
  }
  return smoothed;
}

function byLength(table: NgramTable, order: number): number[][] {
  const nodes = Array.from({ length: order }, () => [] as number[]);
  for (let node = 1; node < table.size; node++) nodes[table.lengths[node] - 1].push(node);
  return nodes;
}
