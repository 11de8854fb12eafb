/** How the bench draws what it measures with: the same numbers every time and on every machine. */

/** Numbers of [0, 1): the generator of Numerical Recipes, of 32 bits. @param {number} seed */
export function linearCongruential(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/**
 * Numbers of the standard normal distribution (Box and Muller 1958).
 *
 * @param {() => number} random @param {number} count
 */
export function drawNormal(random, count) {
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    return radius * Math.cos(2 * Math.PI * random());
  });
}

/**
 * A number with the quantiles that are given at these levels, which go from 0 to 1; between them linear.
 *
 * @param {() => number} random @param {readonly number[]} levels @param {readonly number[]} quantiles
 */
export function drawBetween(random, levels, quantiles) {
  const level = random();
  const above = levels.findIndex((each) => each > level);
  const part = (level - levels[above - 1]) / (levels[above] - levels[above - 1]);
  return quantiles[above - 1] + part * (quantiles[above] - quantiles[above - 1]);
}
