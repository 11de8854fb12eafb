import { Random, refuseUnknown } from '@cadenza/core';
import { assertInteger, assertNumber } from '../checks.js';
import { resample } from '../resample/resampler.js';

/**
 * The sound played `factor` times as fast, with its pitch: N samples become ceil(N / factor) (Ko et al. 2015, who train
 * on 0.9, 1 and 1.1). The factor is taken to three decimals.
 */
export function perturbSpeed(samples: Float32Array, factor: number): Float32Array {
  assertNumber('factor', factor, 0.1, 10);
  return resample(samples, { from: Math.round(factor * 1000), to: 1000 });
}

/** The sound louder by so many decibels; what goes beyond [-1, 1] is not cut off. */
export function perturbVolume(samples: Float32Array, decibels: number): Float32Array {
  assertNumber('decibels', decibels, -120, 120);
  const gain = 10 ** (decibels / 20);
  return samples.map((value) => gain * value);
}

/** The mean of the squares; 0 for no samples. */
export function power(samples: Float32Array): number {
  let sum = 0;
  for (let n = 0; n < samples.length; n++) sum += samples[n] * samples[n];
  return sum / Math.max(1, samples.length);
}

/** Noise with as much energy at every frequency: `length` samples of the standard normal distribution. */
export function whiteNoise(length: number, random: Random): Float32Array {
  assertInteger('length', length, 0);
  return Float32Array.from({ length }, () => random.normal());
}

/** How many octaves of sources pink noise is made of: from half the sample rate down to a 2^15th of it. */
const PINK_SOURCES = 15;

/**
 * Noise with as much energy in every octave, of variance one: the sum of sources of which each is drawn anew half as
 * often as the one before (Voss and Clarke 1978), one of them a sample (McCartney's order).
 */
export function pinkNoise(length: number, random: Random): Float32Array {
  assertInteger('length', length, 0);
  const sources = Float64Array.from({ length: PINK_SOURCES }, () => random.normal());
  let sum = sources.reduce((total, value) => total + value, 0);
  const scale = 1 / Math.sqrt(PINK_SOURCES + 1);
  return Float32Array.from({ length }, (_, n) => {
    const source = Math.min(PINK_SOURCES - 1, 31 - Math.clz32((n + 1) & -(n + 1))); // the number of zeros n + 1 ends in
    const value = random.normal();
    sum += value - sources[source];
    sources[source] = value;
    return scale * (sum + random.normal());
  });
}

export interface NoiseOptions {
  /** The signal's power over the noise's, in decibels. */
  snr: number;
  /** `white` (unless told), `pink`, or recorded samples, of which a stretch from a place drawn is used, over and over. */
  noise?: 'white' | 'pink' | Float32Array;
}

/**
 * The sound with noise added, such that their powers have a given ratio. Silence stays silence, as no noise is quieter by
 * a ratio than it.
 *
 * @throws {ConfigError} for a ratio outside -60 to 120 dB and for recorded noise without a sample
 */
export function addNoise(samples: Float32Array, random: Random, options: NoiseOptions): Float32Array {
  refuseUnknown('addNoise', options, ['snr', 'noise']);
  const { snr, noise = 'white' } = options;
  assertNumber('snr', snr, -60, 120);
  let added: Float32Array;
  if (noise === 'white') added = whiteNoise(samples.length, random);
  else if (noise === 'pink') added = pinkNoise(samples.length, random);
  else {
    assertInteger('the length of noise', (noise as Float32Array).length, 1);
    const from = random.integer(noise.length);
    added = Float32Array.from(samples, (_, n) => noise[(from + n) % noise.length]);
  }
  const ratio = power(samples) / (power(added) || 1);
  const gain = Math.sqrt(ratio / 10 ** (snr / 10));
  return samples.map((value, n) => value + gain * added[n]);
}
