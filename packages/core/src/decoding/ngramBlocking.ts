/**
 * The tokens that would complete n tokens in a row that the history holds already (Paulus et al. 2018, section 2.5: no trigram
 * twice). With n = 1 those are all tokens of the history.
 */
export function blockedTokens(history: ArrayLike<number>, n: number): Set<number> {
  const blocked = new Set<number>();
  const last = history.length - (n - 1); // where the n - 1 latest tokens start
  for (let start = 0; start < last; start++) {
    let same = true;
    for (let offset = 0; same && offset < n - 1; offset++) same = history[start + offset] === history[last + offset];
    if (same) blocked.add(history[start + n - 1]);
  }
  return blocked;
}
