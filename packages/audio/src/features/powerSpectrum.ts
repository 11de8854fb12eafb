import meyda from 'meyda';
import { ConfigError, expected } from '@cadenza/core';
import { complexFourier } from './complexFourier.js';

/** meyda's CommonJS build exports the object itself, where its types speak of a default. */
const Meyda = meyda as unknown as typeof meyda.default;

/** Computes |X[k]|^2, k = 0 .. N/2, of N real samples. */
export interface PowerSpectrum {
  /** @param frame `[size]`, which may be overwritten; @param power `[size / 2 + 1]`, the result */
  compute(frame: Float64Array, power: Float64Array): void;
}

/** Where the power spectrum comes from: the transform here, or meyda's as a reference beside it. */
export type SpectrumSource = 'fast' | 'meyda';

/** @throws {ConfigError} for meyda at a size that is no power of two, and for unknown sources */
export function powerSpectrum(size: number, source: SpectrumSource = 'fast'): PowerSpectrum {
  if (!Number.isInteger(size) || size < 2) throw new ConfigError(expected('fftSize', 'an integer of at least 2', size));
  if (source === 'meyda') return new MeydaPowerSpectrum(size);
  if (source !== 'fast') throw new ConfigError(expected('spectrum', 'fast or meyda', source));
  return size % 2 ? new OddPowerSpectrum(size) : new EvenPowerSpectrum(size);
}

/**
 * An even number N of real samples as N/2 complex numbers z[n] = x[2n] + i x[2n+1], whose transform Z comes apart into
 * that of the even samples, E[k] = (Z[k] + Z*[N/2-k]) / 2, and of the odd, O[k] = (Z[k] - Z*[N/2-k]) / 2i, so that
 * X[k] = E[k] + exp(-2 pi i k / N) O[k] (Press et al., Numerical Recipes, section 12.3).
 */
class EvenPowerSpectrum implements PowerSpectrum {
  private readonly half: number;
  private readonly fourier: { transform(re: Float64Array, im: Float64Array): void };
  private readonly re: Float64Array;
  private readonly im: Float64Array;
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;

  constructor(size: number) {
    this.half = size / 2;
    this.fourier = complexFourier(this.half);
    this.re = new Float64Array(this.half);
    this.im = new Float64Array(this.half);
    this.cos = Float64Array.from({ length: this.half }, (_, k) => Math.cos((2 * Math.PI * k) / size));
    this.sin = Float64Array.from({ length: this.half }, (_, k) => Math.sin((2 * Math.PI * k) / size));
  }

  compute(frame: Float64Array, power: Float64Array): void {
    const { half, re, im, cos, sin } = this;
    for (let n = 0; n < half; n++) {
      re[n] = frame[2 * n];
      im[n] = frame[2 * n + 1];
    }
    this.fourier.transform(re, im);
    power[0] = (re[0] + im[0]) ** 2;
    power[half] = (re[0] - im[0]) ** 2;
    // X[k] and X[N/2-k] share their parts.
    for (let k = 1, m = half - 1; k <= m; k++, m--) {
      const evenR = (re[k] + re[m]) / 2;
      const evenI = (im[k] - im[m]) / 2;
      const oddR = (im[k] + im[m]) / 2;
      const oddI = (re[m] - re[k]) / 2;
      const turnedR = oddR * cos[k] + oddI * sin[k];
      const turnedI = oddI * cos[k] - oddR * sin[k];
      const r = evenR + turnedR;
      const i = evenI + turnedI;
      const mirroredR = evenR - turnedR;
      const mirroredI = turnedI - evenI;
      power[k] = r * r + i * i;
      power[m] = mirroredR * mirroredR + mirroredI * mirroredI;
    }
  }
}

/** An odd number of real samples, as complex ones. */
class OddPowerSpectrum implements PowerSpectrum {
  private readonly fourier: { transform(re: Float64Array, im: Float64Array): void };
  private readonly im: Float64Array;

  constructor(size: number) {
    this.fourier = complexFourier(size);
    this.im = new Float64Array(size);
  }

  compute(frame: Float64Array, power: Float64Array): void {
    this.im.fill(0);
    this.fourier.transform(frame, this.im);
    for (let k = 0; k < power.length; k++) power[k] = frame[k] ** 2 + this.im[k] ** 2;
  }
}

/**
 * meyda's `powerSpectrum`, in float32 and some nine times slower. It leaves the last bin out, X[N/2] = sum_n (-1)^n x[n],
 * which is added here. meyda keeps its settings in one object for all, so they are set before every frame.
 */
class MeydaPowerSpectrum implements PowerSpectrum {
  constructor(private readonly size: number) {
    if (!Number.isInteger(Math.log2(size))) {
      throw new ConfigError(expected("fftSize with spectrum 'meyda'", 'a power of two', size));
    }
  }

  compute(frame: Float64Array, power: Float64Array): void {
    Meyda.bufferSize = this.size;
    Meyda.windowingFunction = 'rect';
    const { powerSpectrum: found } = Meyda.extract(['powerSpectrum'], frame as never)!;
    power.set(found!);
    let last = 0;
    for (let n = 0; n < frame.length; n += 2) last += frame[n] - frame[n + 1];
    power[this.size / 2] = last * last;
  }
}
