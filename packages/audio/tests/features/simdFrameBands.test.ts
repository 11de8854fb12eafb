import { readFileSync, statSync } from 'node:fs';
import { Random } from '@cadenza/core';
import { expect, test } from 'vitest';
import { ScriptFrameBands, frameBands } from '../../src/features/frameBands.js';
// @ts-expect-error the script has no types
import { sourceDigest } from '../../scripts/buildWasm.mjs';
import { SimdFrameBands } from '../../src/features/simdFrameBands.js';
import { featurePreset, type FeatureOverrides, type FeaturePreset } from '../../src/index.js';

const cases: [FeaturePreset, number, FeatureOverrides][] = [
  ['kaldi-mfcc', 16000, {}],
  ['kaldi-mfcc', 8000, { energy: 'replace', energyOf: 'raw' }],
  ['kaldi-fbank', 11025, { energy: 'prepend', energyOf: 'windowed', exponent: 1 }],
  ['librosa-mel', 22050, {}],
  ['python-speech-features-mfcc', 16000, {}],
  ['sphinx-mfcc', 16000, {}],
  // Transforms of 2, 4 and 8 times 4, with frames of odd lengths.
  ...[16, 32, 64, 128, 256, 1024, 4096].map((fftSize): [FeaturePreset, number, FeatureOverrides] => [
    'kaldi-fbank',
    8000,
    {
      output: 'spectrum',
      fftSize,
      frameLength: fftSize - (fftSize % 64 ? 1 : 3),
      energy: 'prepend',
      energyOf: 'spectrum',
    },
  ]),
  ['kaldi-mfcc', 8000, { frameLength: 2, fftSize: 16, mel: { bands: 2 }, cepstra: { count: 2 } }],
];

test.each(cases)('%s at %i Hz with %j has the numbers of JavaScript', (preset, rate, overrides) => {
  const options = featurePreset(preset, rate, overrides);
  expect(SimdFrameBands.fits(options)).toBe(true);
  const [simd, script] = [new SimdFrameBands(options), new ScriptFrameBands(options)];
  const random = new Random(3);
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < options.frameLength; n++) simd.frame[n] = script.frame[n] = 100 * random.normal() + 7;
    const [energy, wanted] = [simd.compute(), script.compute()];
    const largest = Math.max(...script.bands);
    // Sums of thousands of float64 in another order.
    expect(Math.abs(energy - wanted)).toBeLessThanOrEqual(1e-12 * Math.abs(wanted));
    expect(simd.bands.length).toBe(script.bands.length);
    for (const [band, value] of script.bands.entries()) {
      expect(Math.abs(simd.bands[band] - value)).toBeLessThanOrEqual(1e-13 * largest);
    }
  }
});

test('the module is made of the present source, and small', () => {
  const stamp = readFileSync(new URL('../../wasm/frameBands.json', import.meta.url), 'utf8');
  expect(JSON.parse(stamp).sources, 'node scripts/buildWasm.mjs is due').toBe(sourceDigest());
  expect(statSync(new URL('../../wasm/frameBands.wasm', import.meta.url)).size).toBeLessThan(10_000);
});

test('silence is silence, to the bit', () => {
  const options = featurePreset('kaldi-mfcc', 16000, { energy: 'replace' });
  const simd = new SimdFrameBands(options);
  simd.frame.fill(0);
  expect(simd.compute()).toBe(0);
  expect(simd.bands.every((value) => value === 0)).toBe(true);
});

test('two of one kind do not disturb each other', () => {
  const options = featurePreset('kaldi-mfcc', 16000);
  const [one, other] = [new SimdFrameBands(options), new SimdFrameBands(options)];
  const frame = Float64Array.from({ length: 400 }, (_, n) => Math.sin(n));
  one.frame.set(frame);
  one.compute();
  const wanted = one.bands.slice();
  one.frame.set(frame);
  other.frame.fill(5, 0, 400);
  other.compute();
  one.compute();
  expect(one.bands).toEqual(wanted);
});

test.each<FeatureOverrides>([
  { fftSize: 400 },
  { frameLength: 8, fftSize: 8, output: 'spectrum' },
  { spectrum: 'meyda' },
])('what does not fit, as %j, is done in JavaScript', (overrides) => {
  const options = featurePreset('kaldi-mfcc', 16000, overrides);
  expect(frameBands(options)).toBeInstanceOf(ScriptFrameBands);
  expect(frameBands({ ...options, spectrum: 'fast', fftSize: 512 })).toBeInstanceOf(SimdFrameBands);
});
