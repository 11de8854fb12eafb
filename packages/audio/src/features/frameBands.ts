import type { FeatureOptions } from './featureOptions.js';
import { type MelBank, melBank } from './melBank.js';
import { type PowerSpectrum, powerSpectrum } from './powerSpectrum.js';
import { SimdFrameBands } from './simdFrameBands.js';
import { windowFunction } from './windows.js';

/**
 * What comes between a frame's samples and its logarithms: offset, raw energy, pre-emphasis, window, spectrum, mel bands.
 * Fill `frame`, call `compute`, read `bands`.
 */
export interface FrameBands {
  /** `[frameLength]` samples or more, which `compute` overwrites. */
  readonly frame: Float64Array;
  /** Mel bands, or the bins of the spectrum where the output is that. */
  readonly bands: Float64Array;
  /** @returns the energy that the options ask for, 0 for none */
  compute(): number;
}

/** By WebAssembly where it can be had and fits, else in JavaScript, whose numbers differ in their last digits at most. */
export function frameBands(options: FeatureOptions): FrameBands {
  return SimdFrameBands.fits(options) ? new SimdFrameBands(options) : new ScriptFrameBands(options);
}

/** In JavaScript: the reference, and for whatever size. */
export class ScriptFrameBands implements FrameBands {
  readonly frame: Float64Array;
  readonly bands: Float64Array;
  private readonly power: Float64Array;
  private readonly window: Float64Array;
  private readonly spectrum: PowerSpectrum;
  private readonly bank: MelBank | undefined;

  constructor(private readonly options: FeatureOptions) {
    const { output, fftSize, mel, sampleRate } = options;
    this.spectrum = powerSpectrum(fftSize, options.spectrum);
    this.window = windowFunction(options.window, options.frameLength, options.windowPeriodic);
    this.frame = new Float64Array(fftSize);
    this.power = new Float64Array(Math.floor(fftSize / 2) + 1);
    this.bank = output === 'spectrum' ? undefined : melBank(mel, fftSize, sampleRate);
    this.bands = this.bank ? new Float64Array(mel.bands) : this.power;
  }

  compute(): number {
    const { options, frame, power } = this;
    const { frameLength } = options;
    frame.fill(0, frameLength);
    if (options.removeOffset) subtractMean(frame, frameLength);
    const wanted = options.energy === 'none' ? 'none' : options.energyOf;
    let energy = wanted === 'raw' ? sumOfSquares(frame, frameLength) : 0;
    if (options.preEmphasisOver === 'frame' && options.preEmphasis > 0)
      emphasize(frame, frameLength, options.preEmphasis);
    for (let n = 0; n < frameLength; n++) frame[n] *= this.window[n];
    if (wanted === 'windowed') energy = sumOfSquares(frame, frameLength);
    this.spectrum.compute(frame, power);
    if (options.exponent === 1) for (let k = 0; k < power.length; k++) power[k] = Math.sqrt(power[k]);
    if (options.spectrumPerBin) for (let k = 0; k < power.length; k++) power[k] /= options.fftSize;
    if (wanted === 'spectrum') for (let k = 0; k < power.length; k++) energy += power[k];
    this.bank?.apply(power, this.bands);
    return energy;
  }
}

/** Takes the mean of the first `length` samples away from them. */
export function subtractMean(frame: Float64Array, length: number): void {
  let sum = 0;
  for (let n = 0; n < length; n++) sum += frame[n];
  const mean = sum / length;
  for (let n = 0; n < length; n++) frame[n] -= mean;
}

/** x[n] - a x[n-1] within a frame, whose first sample has itself for predecessor. */
export function emphasize(frame: Float64Array, length: number, coefficient: number): void {
  for (let n = length - 1; n > 0; n--) frame[n] -= coefficient * frame[n - 1];
  frame[0] -= coefficient * frame[0];
}

function sumOfSquares(frame: Float64Array, length: number): number {
  let sum = 0;
  for (let n = 0; n < length; n++) sum += frame[n] * frame[n];
  return sum;
}
