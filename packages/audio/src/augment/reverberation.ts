import { refuseUnknown } from '@cadenza/core';
import type { Random } from '@cadenza/core';
import { assertInteger, assertNumber } from '../checks.js';
import { PowerOfTwoFourier } from '../features/complexFourier.js';
import { power } from './perturbation.js';

export interface ReverberationOptions {
  sampleRate: number;
  /** Seconds until the echo is 60 dB down, RT60, up to 5. */
  decay: number;
  /** The power of the direct sound over that of all echoes, in decibels; 6 unless told. */
  directToReverberant?: number;
}

/**
 * The response of a simple room: the direct sound at once, then normal noise under exp(-6.91 t / RT60), which falls by
 * 60 dB in RT60 seconds (Polack 1988; Habets 2006). `[ceil(RT60 * sampleRate) + 1]`.
 */
export function roomResponse(random: Random, options: ReverberationOptions): Float32Array {
  refuseUnknown('reverberate', options, ['sampleRate', 'decay', 'directToReverberant']);
  const { sampleRate, decay, directToReverberant = 6 } = options;
  assertInteger('sampleRate', sampleRate, 1);
  assertNumber('decay', decay, 0, 5);
  assertNumber('directToReverberant', directToReverberant, -30, 60);
  const response = new Float32Array(Math.ceil(decay * sampleRate) + 1);
  let energy = 0;
  for (let n = 1; n < response.length; n++) {
    response[n] = random.normal() * Math.exp((-3 * Math.LN10 * n) / (decay * sampleRate));
    energy += response[n] ** 2;
  }
  const gain = energy > 0 ? Math.sqrt(10 ** (-directToReverberant / 10) / energy) : 0;
  for (let n = 1; n < response.length; n++) response[n] *= gain;
  response[0] = 1;
  return response;
}

/** The sound as heard in a room drawn by `random`, of the same length and power: echoes after its end are cut off. */
export function reverberate(samples: Float32Array, random: Random, options: ReverberationOptions): Float32Array {
  const wet = convolve(samples, roomResponse(random, options)).subarray(0, samples.length);
  const before = power(samples);
  const after = power(wet);
  const gain = after > 0 ? Math.sqrt(before / after) : 1;
  return wet.map((value) => gain * value);
}

/** The convolution y[n] = sum_k h[k] x[n-k] of N and K samples, N + K - 1 of them, by overlapping blocks (Stockham 1966). */
export function convolve(samples: Float32Array, response: Float32Array): Float32Array {
  if (samples.length === 0 || response.length === 0) return new Float32Array(0);
  const result = new Float32Array(samples.length + response.length - 1);
  const size = 2 ** Math.ceil(Math.log2(2 * Math.max(2, Math.min(samples.length, response.length))));
  // The shorter of both is the filter; blocks of the longer fill the transform.
  const [filter, signal] = samples.length < response.length ? [samples, response] : [response, samples];
  const block = size - filter.length + 1;
  const fourier = new PowerOfTwoFourier(size);
  const filterRe = new Float64Array(size);
  const filterIm = new Float64Array(size);
  filterRe.set(filter);
  fourier.transform(filterRe, filterIm);
  const re = new Float64Array(size);
  const im = new Float64Array(size);
  for (let at = 0; at < signal.length; at += block) {
    re.fill(0);
    im.fill(0);
    re.set(signal.subarray(at, at + block));
    fourier.transform(re, im);
    for (let k = 0; k < size; k++) {
      const product = re[k] * filterRe[k] - im[k] * filterIm[k];
      im[k] = re[k] * filterIm[k] + im[k] * filterRe[k];
      re[k] = product;
    }
    fourier.transform(im, re); // with the parts exchanged, the inverse times the size
    const length = Math.min(size, result.length - at);
    for (let n = 0; n < length; n++) result[at + n] += re[n] / size;
  }
  return result;
}
