/** The mel scale of HTK and Kaldi, 2595 log10(1 + f / 700), or that of Slaney's Auditory Toolbox, linear below 1 kHz. */
export type MelScale = 'htk' | 'slaney';

const LINEAR_STEP = 200 / 3; // hertz a mel, below the break
const BREAK_HERTZ = 1000;
const BREAK_MEL = BREAK_HERTZ / LINEAR_STEP;
const LOG_STEP = Math.log(6.4) / 27;

/** A frequency in hertz on the mel scale; Slaney's above 1 kHz: 15 + 27 ln(f / 1000) / ln 6.4. */
export function hertzToMel(hertz: number, scale: MelScale): number {
  if (scale === 'htk') return 2595 * Math.log10(1 + hertz / 700);
  return hertz < BREAK_HERTZ ? hertz / LINEAR_STEP : BREAK_MEL + Math.log(hertz / BREAK_HERTZ) / LOG_STEP;
}

/** The frequency in hertz of a place on the mel scale: the inverse of {@link hertzToMel}. */
export function melToHertz(mel: number, scale: MelScale): number {
  if (scale === 'htk') return 700 * (10 ** (mel / 2595) - 1);
  return mel < BREAK_MEL ? mel * LINEAR_STEP : BREAK_HERTZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}
