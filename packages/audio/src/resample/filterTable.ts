import { besselI0, kaiserBeta, kaiserLength } from './kaiser.js';

/** How many samples of the prototype stand between two zeros of the sinc, where rows are not kept. */
const SAMPLES_PER_ZERO = 1024;
/** Rows of exact coefficients are kept while there are no more of them than this: 8 MiB. */
const LARGEST_TABLE = 1 << 20;

export interface FilterDesign {
  /** Output and input rates in lowest terms: output sample n lies at the input time n * down / up. */
  up: number;
  down: number;
  /** In decibels. */
  attenuation: number;
  /** The part of the lower Nyquist frequency that passes unchanged. */
  passband: number;
}

/**
 * The low-pass filter of a resampler: a sinc under a Kaiser window, whose pass band ends at `passband` times the lower
 * Nyquist frequency and whose stop band begins at that frequency, so that nothing folds back
 * (Smith, "Digital Audio Resampling", section 3).
 */
export class FilterTable {
  /** Input samples from the filter's centre to its end, rounded up. */
  readonly reach: number;
  private readonly half: number;
  private readonly cutoff: number;
  private readonly beta: number;
  private readonly rows: (Float64Array | undefined)[] | undefined;
  private readonly scratch: Float64Array;
  private readonly prototype: Float64Array | undefined;

  constructor(private readonly design: FilterDesign) {
    const { up, down, attenuation, passband } = design;
    const nyquist = 0.5 * Math.min(1, up / down); // cycles per input sample
    this.cutoff = (nyquist * (1 + passband)) / 2;
    this.half = kaiserLength(attenuation, nyquist * (1 - passband)) / 2;
    this.beta = kaiserBeta(attenuation);
    this.reach = Math.ceil(this.half);
    this.scratch = new Float64Array(this.taps);
    if (up * this.taps <= LARGEST_TABLE) this.rows = new Array(up).fill(undefined);
    else this.prototype = this.samplePrototype();
  }

  /** How many input samples each output sample is made of. */
  get taps(): number {
    return 2 * this.reach;
  }

  /**
   * The coefficients for an output sample that lies `phase / up` behind an input sample: `[taps]`, the first for the
   * input sample `reach - 1` before that one. They sum to one, so a constant stays as it is. Valid until the next call.
   */
  row(phase: number): Float64Array {
    const known = this.rows?.[phase];
    if (known) return known;
    const row = this.rows ? new Float64Array(this.taps) : this.scratch;
    const fraction = phase / this.design.up;
    let sum = 0;
    for (let tap = 0; tap < row.length; tap++) {
      const time = Math.abs(tap - (this.reach - 1) - fraction);
      row[tap] = this.prototype ? this.interpolate(time) : this.impulse(time);
      sum += row[tap];
    }
    for (let tap = 0; tap < row.length; tap++) row[tap] /= sum;
    if (this.rows) this.rows[phase] = row;
    return row;
  }

  /** The filter at a time of its positive half, in input samples. */
  private impulse(time: number): number {
    if (time >= this.half) return 0;
    const angle = 2 * Math.PI * this.cutoff * time;
    const sinc = time === 0 ? 1 : Math.sin(angle) / angle;
    const part = time / this.half;
    return (sinc * besselI0(this.beta * Math.sqrt(1 - part * part))) / besselI0(this.beta);
  }

  /** Linear interpolation between samples so dense that its error stays some 110 dB down (Smith, section 5). */
  private interpolate(time: number): number {
    const place = time * 2 * this.cutoff * SAMPLES_PER_ZERO;
    const index = Math.floor(place);
    const prototype = this.prototype!;
    if (index + 1 >= prototype.length) return 0;
    return prototype[index] + (place - index) * (prototype[index + 1] - prototype[index]);
  }

  private samplePrototype(): Float64Array {
    const step = 1 / (2 * this.cutoff * SAMPLES_PER_ZERO);
    const length = Math.ceil(this.half / step) + 2;
    return Float64Array.from({ length }, (_, index) => this.impulse(index * step));
  }
}
