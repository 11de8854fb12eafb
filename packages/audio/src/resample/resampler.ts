import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import { joinSamples } from '../joinSamples.js';
import { FilterTable } from './filterTable.js';

export interface ResampleOptions {
  /** The rates in hertz: positive integers. */
  from: number;
  to: number;
  /** How far what would fold back is taken down, in decibels, from 40 to 140; 96 unless told, as quiet as 16 bits. */
  attenuation?: number;
  /** The part of the lower Nyquist frequency that passes unchanged, from 0.5 to 0.99; 0.91 unless told. */
  passband?: number;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/**
 * Changes the sample rate of a signal that arrives in pieces: band-limited interpolation by a windowed sinc, one row of
 * coefficients for each of the phases that the ratio of the rates has (Smith, "Digital Audio Resampling"; Crochiere and
 * Rabiner 1983). The filter is symmetric, so there is no delay: output sample n lies at the input time n * from / to,
 * and N input samples give ceil(N * to / from). Outside the signal there is silence.
 *
 * What comes back, joined, is what {@link resample} gives for all samples at once, bit for bit.
 */
export class Resampler {
  private readonly up: number;
  private readonly down: number;
  private readonly table: FilterTable;
  /** Input samples still needed, beginning `reach - 1` before the next output sample. */
  private pending: Float32Array;
  private received = 0;
  /** The next output sample lies at this input sample of `pending`'s own, plus `phase / up`. */
  private position = 0;
  private phase = 0;
  private written = 0;

  /** @throws {ConfigError} for a rate that is not a positive integer, or an option out of its range */
  constructor(options: ResampleOptions) {
    refuseUnknown('the resampler', options, ['from', 'to', 'attenuation', 'passband']);
    const { from, to, attenuation = 96, passband = 0.91 } = options;
    for (const [name, rate] of Object.entries({ from, to })) {
      if (!Number.isInteger(rate) || rate < 1 || rate > 1e7) {
        throw new ConfigError(expected(name, 'a rate in hertz, a positive integer', rate));
      }
    }
    if (!(attenuation >= 40 && attenuation <= 140)) {
      throw new ConfigError(expected('attenuation', 'from 40 to 140 dB', attenuation));
    }
    if (!(passband >= 0.5 && passband <= 0.99))
      throw new ConfigError(expected('passband', 'from 0.5 to 0.99', passband));
    if (Math.max(from / to, to / from) > 1000) {
      throw new ConfigError(expected('from / to', 'a ratio of at most 1000', `${from} / ${to}`));
    }
    const common = divisor(from, to);
    this.up = to / common;
    this.down = from / common;
    this.table = new FilterTable({ up: this.up, down: this.down, attenuation, passband });
    this.pending = new Float32Array(this.table.reach - 1);
  }

  /** The output samples that the new input makes certain: those at least `reach` samples before its end. */
  push(samples: Float32Array): Float32Array {
    if (this.up === this.down) return samples.slice();
    this.received += samples.length;
    return this.advance(samples, Infinity);
  }

  /** Ends the signal, and gives the rest of the output. The resampler is then as new. */
  end(): Float32Array {
    if (this.up === this.down) return new Float32Array(0);
    const total = Math.ceil((this.received * this.up) / this.down);
    const rest = this.advance(new Float32Array(this.table.reach), total - this.written);
    this.pending = new Float32Array(this.table.reach - 1);
    this.received = this.position = this.phase = this.written = 0;
    return rest;
  }

  private advance(samples: Float32Array, limit: number): Float32Array {
    const { up, down, table } = this;
    const input = joinSamples([this.pending, samples]);
    const last = input.length - table.taps; // the last position whose taps are all there
    const steps = last < this.position ? 0 : Math.ceil(((last + 1 - this.position) * up - this.phase) / down);
    const output = new Float32Array(Math.max(0, Math.min(limit, steps)));
    for (let n = 0; n < output.length; n++) {
      output[n] = dot(table.row(this.phase), input, this.position);
      this.phase += down;
      const whole = Math.floor(this.phase / up);
      this.position += whole;
      this.phase -= whole * up;
    }
    const passed = Math.min(this.position, input.length);
    this.pending = input.slice(passed);
    this.position -= passed;
    this.written += output.length;
    return output;
  }
}

/** The sum of products, in four parts that the processor can work on side by side. */
function dot(row: Float64Array, input: Float32Array, at: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let tap = 0;
  for (; tap + 3 < row.length; tap += 4) {
    a += row[tap] * input[at + tap];
    b += row[tap + 1] * input[at + tap + 1];
    c += row[tap + 2] * input[at + tap + 2];
    d += row[tap + 3] * input[at + tap + 3];
  }
  for (; tap < row.length; tap++) a += row[tap] * input[at + tap];
  return a + b + (c + d);
}

/** All of a signal at another rate; see {@link Resampler}. The same array comes back where the rates are equal. */
export function resample(samples: Float32Array, options: ResampleOptions): Float32Array {
  const resampler = new Resampler(options); // refuses wrong options also where there is nothing to do
  if (options.from === options.to) return samples;
  return joinSamples([resampler.push(samples), resampler.end()]);
}
