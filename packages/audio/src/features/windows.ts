import { ConfigError, expected } from '@cadenza/core';

export type WindowName = 'hann' | 'hamming' | 'povey' | 'blackman' | 'rectangular';

/** Each window at the angle 2 pi n / L, where L is the length, or one less for the symmetric form. */
const WINDOWS: Record<WindowName, (angle: number) => number> = {
  hann: (angle) => 0.5 - 0.5 * Math.cos(angle),
  hamming: (angle) => 0.54 - 0.46 * Math.cos(angle),
  /** Kaldi's: Hann's to the power of 0.85, between Hann's and Hamming's. */
  povey: (angle) => Math.max(0, 0.5 - 0.5 * Math.cos(angle)) ** 0.85,
  blackman: (angle) => 0.42 - 0.5 * Math.cos(angle) + 0.08 * Math.cos(2 * angle),
  rectangular: () => 1,
};

export const WINDOW_NAMES = Object.keys(WINDOWS) as WindowName[];

/**
 * A window of `length` weights. Symmetric (Kaldi, numpy): the first weight equals the last. Periodic (librosa,
 * torchaudio's transforms): the weight that would follow the last equals the first.
 */
export function windowFunction(name: WindowName, length: number, periodic = false): Float64Array {
  const weight = WINDOWS[name];
  if (!weight) throw new ConfigError(expected('window', `one of ${WINDOW_NAMES.join(', ')}`, name));
  const period = Math.max(1, periodic ? length : length - 1);
  return Float64Array.from({ length }, (_, n) => (length === 1 ? 1 : weight((2 * Math.PI * n) / period)));
}
