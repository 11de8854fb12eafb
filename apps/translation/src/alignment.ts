/** How much a target word attended to a source word while it was written. */
export interface AlignmentPoint {
  /** The source word, counted from 0. */
  source: number;
  /** The target word, counted from 0. */
  target: number;
  /** Of (0, 1]. */
  weight: number;
}

/** Below this a word is not said to have been attended to. */
const LEAST_WEIGHT = 0.01;

/**
 * Attention between subwords as attention between words: a target word's is the mean over its subwords, and what its subwords gave
 * to those of one source word adds up. The end token of either side is left out.
 *
 * @param attention [T, S], row by row; rows beyond the target's subwords are not looked at
 * @param sourceWords the word of each source position but the end token's, [S - 1]
 * @param targetWords the word of each target subword
 * @returns the points of weight, by target and then source word
 */
export function wordAlignment(
  attention: Float32Array,
  sourceWords: Int32Array,
  targetWords: Int32Array,
): AlignmentPoint[] {
  const width = sourceWords.length + 1;
  const words = 1 + (sourceWords.at(-1) ?? -1);
  const points: AlignmentPoint[] = [];
  for (let start = 0; start < targetWords.length;) {
    let end = start;
    while (end < targetWords.length && targetWords[end] === targetWords[start]) end++;
    const weights = new Float64Array(words);
    for (let row = start; row < end; row++) {
      sourceWords.forEach((word, column) => (weights[word] += attention[row * width + column] / (end - start)));
    }
    weights.forEach((weight, source) => {
      if (weight >= LEAST_WEIGHT) points.push({ source, target: targetWords[start], weight });
    });
    start = end;
  }
  return points;
}

/** The source word that a target subword attended to most, or -1 where there is none. */
export function mostAttended(attention: Float32Array, sourceWords: Int32Array, row: number): number {
  const width = sourceWords.length + 1;
  const weights = new Map<number, number>();
  sourceWords.forEach((word, column) => {
    weights.set(word, (weights.get(word) ?? 0) + attention[row * width + column]);
  });
  let best = -1;
  for (const [word, weight] of weights) if (weight > (weights.get(best) ?? -1)) best = word;
  return best;
}

/** The most attended source word of each target word, one point a target word. */
export function strongestLinks(points: readonly AlignmentPoint[]): AlignmentPoint[] {
  const best = new Map<number, AlignmentPoint>();
  for (const point of points) {
    if (point.weight > (best.get(point.target)?.weight ?? 0)) best.set(point.target, point);
  }
  return [...best.values()];
}

/** `0-0 1-2`: pairs of source and target word, as Pharaoh wrote them. */
export function pharaohPairs(points: readonly AlignmentPoint[]): string {
  return strongestLinks(points)
    .map(({ source, target }) => `${source}-${target}`)
    .join(' ');
}

/** `0-0:0.98 1-2:0.61`: every pair of weight with its weight. */
export function softPairs(points: readonly AlignmentPoint[]): string {
  return points.map(({ source, target, weight }) => `${source}-${target}:${weight.toFixed(2)}`).join(' ');
}
