import { Random } from '@cadenza/core';
import { cosineTransform, lifterWeights } from './cosineTransform.js';
import { checkFeatureOptions, type FeatureOptions } from './featureOptions.js';
import { type MelBank, melBank } from './melBank.js';
import { type PowerSpectrum, powerSpectrum } from './powerSpectrum.js';
import { windowFunction } from './windows.js';

/** What keeps the logarithm of an energy finite: Kaldi's float epsilon, python_speech_features' double one. */
const ENERGY_EPSILON = { raw: 2 ** -23, windowed: 2 ** -23, spectrum: Number.EPSILON };

/**
 * The steps from one frame of samples to its features, in their order: dither, offset, raw energy, pre-emphasis, window,
 * spectrum, mel bands, logarithm; then, apart because a limit on the range needs all frames first, the cosine transform,
 * lifter and energy.
 */
export class FrameAnalyzer {
  /** D of what {@link finish} writes. */
  readonly dimension: number;
  /** How many values {@link bands} writes: spectrum bins or mel bands, and behind them the log energy. */
  readonly bandCount: number;
  private readonly frame: Float64Array;
  private readonly power: Float64Array;
  private readonly mel: Float64Array;
  private readonly window: Float64Array;
  private readonly spectrum: PowerSpectrum;
  private readonly bank: MelBank | undefined;
  private readonly cosines: Float64Array;
  private readonly random: Random;

  /** @throws {ConfigError} as {@link checkFeatureOptions} does */
  constructor(private readonly options: FeatureOptions) {
    checkFeatureOptions(options);
    const { output, fftSize, cepstra, mel, energy } = options;
    this.spectrum = powerSpectrum(fftSize, options.spectrum);
    this.window = windowFunction(options.window, options.frameLength, options.windowPeriodic);
    this.frame = new Float64Array(fftSize);
    this.power = new Float64Array(Math.floor(fftSize / 2) + 1);
    this.bank = output === 'spectrum' ? undefined : melBank(mel, fftSize, options.sampleRate);
    this.bandCount = this.bank ? mel.bands : this.power.length;
    this.mel = this.bank ? new Float64Array(mel.bands) : this.power;
    this.cosines = output === 'mfcc' ? liftedCosines(options) : new Float64Array(0);
    this.dimension = (output === 'mfcc' ? cepstra.count : this.bandCount) + (energy === 'prepend' ? 1 : 0);
    this.random = new Random(options.ditherSeed);
  }

  /** Begins a new signal: its dither is that of every other. */
  reset(): void {
    this.random.restore(new Random(this.options.ditherSeed).state());
  }

  /**
   * The logarithm of the bands of the frame that begins at `signal[at]`, into `bands` from `to`, `[bandCount]`.
   * @returns the logarithm of the frame's energy
   */
  bands(signal: Float64Array, at: number, bands: Float64Array, to: number): number {
    const { options, frame, power, mel } = this;
    const { frameLength } = options;
    for (let n = 0; n < frameLength; n++) frame[n] = signal[at + n];
    frame.fill(0, frameLength);
    if (options.dither > 0) for (let n = 0; n < frameLength; n++) frame[n] += options.dither * this.random.normal();
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
    this.bank?.apply(power, mel);
    this.logarithms(mel, bands, to);
    return wanted === 'none' ? 0 : this.logEnergy(energy);
  }

  /** From `[bandCount]` logarithms and the energy to the features, `[dimension]`. */
  finish(bands: Float64Array, from: number, energy: number, features: Float32Array, to: number): void {
    const { options, cosines, bandCount } = this;
    let at = to;
    if (options.energy === 'prepend') features[at++] = energy;
    if (options.output !== 'mfcc') {
      for (let band = 0; band < bandCount; band++) features[at + band] = bands[from + band];
      return;
    }
    for (let k = 0, c = 0; k < options.cepstra.count; k++) {
      let sum = 0;
      for (let band = 0; band < bandCount; band++) sum += cosines[c++] * bands[from + band];
      features[at + k] = sum;
    }
    if (options.energy === 'replace') features[at] = energy;
  }

  private logarithms(values: Float64Array, logs: Float64Array, to: number): void {
    const { kind, floor, floorMode } = this.options.log;
    const factor = kind === 'natural' ? 1 : kind === 'log10' ? Math.LOG10E : 10 * Math.LOG10E;
    for (let band = 0; band < this.bandCount; band++) {
      let value = values[band];
      if (floorMode === 'add') value += floor;
      else if (floorMode === 'clamp' ? value < floor : value === 0) value = floor;
      logs[to + band] = kind === 'none' ? value : factor * Math.log(value);
    }
  }

  private logEnergy(energy: number): number {
    const { energyOf, energyFloor } = this.options;
    const least = ENERGY_EPSILON[energyOf];
    const finite = energyOf === 'spectrum' ? energy || least : Math.max(energy, least);
    return Math.log(Math.max(finite, energyFloor));
  }
}

/** The cosine transform with the lifter in its rows, `[count, bands]`. */
function liftedCosines({ cepstra, mel }: FeatureOptions): Float64Array {
  const matrix = cosineTransform(mel.bands, cepstra.count, cepstra.norm);
  const lifter = lifterWeights(cepstra.count, cepstra.lifter, cepstra.lifterShift);
  return matrix.map((value, index) => value * lifter[Math.floor(index / mel.bands)]);
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
