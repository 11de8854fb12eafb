import { describe, expect, it } from 'vitest';
import { shelve } from '../../src/index.js';

const sampleRate = 8000;

/** The gain of a sine of some frequency, in decibels, after the filter has settled. */
function gainAt(frequency: number, options: { frequency: number; decibels: number }): number {
  const sine = Float32Array.from({ length: 8000 }, (_, n) => Math.sin((2 * Math.PI * frequency * n) / sampleRate));
  const energy = (samples: Float32Array): number => samples.slice(4000).reduce((sum, value) => sum + value * value, 0);
  return 10 * Math.log10(energy(shelve(sine, { ...options, sampleRate })) / energy(sine));
}

describe('shelve', () => {
  it.each([-24, -6, 0, 9])('leaves low frequencies, gives high ones %d dB, and half of that in between', (decibels) => {
    expect(gainAt(4, { frequency: 1000, decibels })).toBeCloseTo(0, 1);
    expect(gainAt(3998, { frequency: 1000, decibels })).toBeCloseTo(decibels, 1);
    expect(gainAt(1000, { frequency: 1000, decibels })).toBeCloseTo(decibels / 2, 2);
  });

  it('refuses what it cannot do', () => {
    const sound = new Float32Array(10);
    expect(() => shelve(sound, { frequency: 4000, decibels: 3, sampleRate })).toThrow(/Expected frequency to be/);
    expect(() => shelve(sound, { frequency: 400, decibels: 99, sampleRate })).toThrow(/Expected decibels to be/);
    expect(shelve(new Float32Array(0), { frequency: 400, decibels: 3, sampleRate })).toHaveLength(0);
  });
});
