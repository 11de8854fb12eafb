/** The seed of one of several samples: the first has the seed itself, each further one the next, and the greatest of all is followed by 0. */
export function sampleSeed(seed: number, index: number): number {
  const next = seed - Number.MAX_SAFE_INTEGER - 1 + index; // exact, which seed + index need not be
  return next >= 0 ? next : seed + index;
}
