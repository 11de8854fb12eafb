import { Random } from '@cadenza/core';
import { cosineTransform, lifterWeights } from './cosineTransform.js';
import { checkFeatureOptions, type FeatureOptions } from './featureOptions.js';
import { frameBands, type FrameBands } from './frameBands.js';

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
  private readonly front: FrameBands;
  private readonly cosines: Float64Array;
  private readonly random: Random;

  /** @throws {ConfigError} as {@link checkFeatureOptions} does */
  constructor(private readonly options: FeatureOptions) {
    checkFeatureOptions(options);
    const { output, cepstra, energy } = options;
    this.front = frameBands(options);
    this.bandCount = this.front.bands.length;
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
    const { options, front } = this;
    const { frame } = front;
    const { frameLength } = options;
    frame.set(signal.subarray(at, at + frameLength));
    if (options.dither > 0) for (let n = 0; n < frameLength; n++) frame[n] += options.dither * this.random.normal();
    const energy = front.compute();
    this.logarithms(front.bands, bands, to);
    return options.energy === 'none' ? 0 : this.logEnergy(energy);
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
    // Two at a time, since each sum waits for itself.
    for (let k = 0; k < options.cepstra.count; k += 2) {
      const [row, next] = [k * bandCount, (k + 1) * bandCount];
      let sum = 0;
      let other = 0;
      for (let band = 0; band < bandCount; band++) {
        const value = bands[from + band];
        sum += cosines[row + band] * value;
        other += cosines[next + band] * value;
      }
      features[at + k] = sum;
      if (k + 1 < options.cepstra.count) features[at + k + 1] = other;
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

/** The cosine transform with the lifter in its rows, `[count, bands]`, and a row of zeros behind an odd number of them. */
function liftedCosines({ cepstra, mel }: FeatureOptions): Float64Array {
  const matrix = cosineTransform(mel.bands, cepstra.count, cepstra.norm);
  const lifter = lifterWeights(cepstra.count, cepstra.lifter, cepstra.lifterShift);
  const rows = new Float64Array((cepstra.count + (cepstra.count % 2)) * mel.bands);
  rows.set(matrix.map((value, index) => value * lifter[Math.floor(index / mel.bands)]));
  return rows;
}
