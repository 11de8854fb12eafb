/** The logarithm of the softmax of each frame, [F][V]. */
export function logSoftmaxRows(logits: ArrayLike<number>, F: number, V: number): number[][] {
  return Array.from({ length: F }, (_, f) => {
    const row = Array.from({ length: V }, (_, v) => logits[f * V + v]);
    const normalizer = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
    return row.map((x) => x - normalizer);
  });
}

/** B(path) of Graves et al. 2006: equal neighbours become one, then blanks are dropped. */
export function collapse(path: readonly number[], blank = 0): number[] {
  return path.filter((symbol, t) => symbol !== blank && symbol !== path[t - 1]);
}

/** Every path through F frames of V classes with its log-probability: V^F of them. */
export function* everyPath(logY: readonly number[][]): Generator<{ path: number[]; logProbability: number }> {
  const V = logY[0]?.length ?? 0;
  for (let number = 0; number < V ** logY.length; number++) {
    const path: number[] = [];
    for (let t = 0, rest = number; t < logY.length; t++, rest = Math.floor(rest / V)) path.push(rest % V);
    yield { path, logProbability: path.reduce((sum, symbol, t) => sum + logY[t][symbol], 0) };
  }
}

/** p(labels | x) of every labelling that some path collapses to, by the labels joined with commas. */
export function everyLabelling(logY: readonly number[][], blank = 0): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { path, logProbability } of everyPath(logY)) {
    const key = collapse(path, blank).join();
    sums.set(key, (sums.get(key) ?? 0) + Math.exp(logProbability));
  }
  return sums;
}
