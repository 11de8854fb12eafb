/** @param {readonly number[]} values */
export function median(values) {
  if (values.length === 0) throw new Error('Expected at least one measurement, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Seconds of each call, for so many seconds and at least so many times, after the calls to warm up.
 *
 * @param {() => void} work
 * @param {number} seconds
 * @param {{ warmUp?: number, atLeast?: number }} options 1 and 3 when absent
 */
export function timesOf(work, seconds, { warmUp = 1, atLeast = 3 } = {}) {
  for (let i = 0; i < warmUp; i++) work();
  /** @type {number[]} */
  const times = [];
  const started = performance.now();
  while (performance.now() - started < 1000 * seconds || times.length < atLeast) {
    const before = performance.now();
    work();
    times.push((performance.now() - before) / 1000);
  }
  return times;
}

/**
 * The index drawn with the probabilities softmax(logits).
 *
 * @param {ArrayLike<number>} logits
 */
export function draw(logits) {
  let highest = -Infinity;
  for (let i = 0; i < logits.length; i++) highest = Math.max(highest, logits[i]);
  let total = 0;
  for (let i = 0; i < logits.length; i++) total += Math.exp(logits[i] - highest);
  let left = Math.random() * total;
  for (let i = 0; i < logits.length; i++) {
    left -= Math.exp(logits[i] - highest);
    if (left < 0) return i;
  }
  return logits.length - 1;
}
