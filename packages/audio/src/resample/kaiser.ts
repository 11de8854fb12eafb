/** The modified Bessel function of the first kind and order zero, by its power series; exact to rounding for x up to 30. */
export function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

/** Kaiser's beta for a stop band so many decibels down (Kaiser 1974; Oppenheim and Schafer, section 7.5.3). */
export function kaiserBeta(attenuation: number): number {
  if (attenuation > 50) return 0.1102 * (attenuation - 8.7);
  if (attenuation > 21) return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21);
  return 0;
}

/** How many samples the window needs for a transition band so wide, in cycles per sample (the same section). */
export function kaiserLength(attenuation: number, transition: number): number {
  return (attenuation - 7.95) / (14.36 * transition);
}
