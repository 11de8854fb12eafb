/** @param {readonly number[]} values */
export function median(values) {
  if (values.length === 0) throw new Error('Expected at least one measurement, got none');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Seconds of each call, for so many seconds and at least three times, after one call to warm up.
 *
 * @param {() => void} work
 * @param {number} seconds
 */
export function timesOf(work, seconds) {
  work();
  /** @type {number[]} */
  const times = [];
  const started = performance.now();
  while (performance.now() - started < 1000 * seconds || times.length < 3) {
    const before = performance.now();
    work();
    times.push((performance.now() - before) / 1000);
  }
  return times;
}
