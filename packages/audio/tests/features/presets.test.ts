import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FEATURE_PRESETS, FeatureExtractor, featurePreset, type FeatureMatrix } from '../../src/index.js';
import { programs } from './programs.js';

interface GoldenSignal {
  name: string;
  rate: number;
  samples: string;
  features: Record<string, number[][]>;
}
const golden: GoldenSignal[] = JSON.parse(readFileSync(new URL('../golden/features.json', import.meta.url), 'utf8'));

const sphinx: Record<string, number[][]> = JSON.parse(
  readFileSync(new URL('../golden/sphinxFeatures.json', import.meta.url), 'utf8'),
);
for (const signal of golden) signal.features['sphinx-mfcc'] = sphinx[signal.name];

function samplesOf({ samples }: GoldenSignal): Float32Array {
  const bytes = Buffer.from(samples, 'base64');
  return Float32Array.from({ length: bytes.length / 2 }, (_, n) => bytes.readInt16LE(2 * n) / 32768);
}

function largestDifference(found: FeatureMatrix, wanted: number[][], from = 0): number {
  let largest = 0;
  for (const [frame, row] of wanted.entries()) {
    for (let d = from; d < row.length; d++) {
      const difference = Math.abs(row[d] - found.values[frame * found.dimension + d]);
      largest = Math.max(largest, difference / Math.max(1, Math.abs(row[d]) / 1000));
    }
  }
  return largest;
}

describe.each(golden)('a signal of $name', (signal) => {
  test.each(Object.keys(programs))('has the features of %s', (name) => {
    const [preset, overrides] = programs[name];
    const found = new FeatureExtractor(featurePreset(preset, signal.rate, overrides(signal.rate))).extract(
      samplesOf(signal),
    );
    const wanted = signal.features[name];
    expect([found.frames, found.dimension]).toEqual([wanted.length, wanted[0].length]);
    // Above 1000, relative to that: float32 has steps of 6e-5 there. torchaudio's spectrogram puts an energy at bin 0.
    expect(largestDifference(found, wanted, name === 'kaldi-spectrum' ? 1 : 0)).toBeLessThan(1e-4);
  });
});

describe('a preset', () => {
  test('is each tested against its program', () => {
    expect(new Set(Object.values(programs).map(([preset]) => preset))).toEqual(new Set(FEATURE_PRESETS));
  });

  test('that is unknown is refused with the nearest', () => {
    expect(() => featurePreset('kaldi-mfc' as never, 8000)).toThrow('got "kaldi-mfc"; did you mean kaldi-mfcc?');
    expect(() => featurePreset('kaldi-mfcc', 100)).toThrow('Expected sampleRate to be an integer from 200');
  });

  test('with what is undefined is as without it', () => {
    const undefinedAll = {
      dither: undefined,
      mel: { bands: undefined },
      log: undefined,
      cepstra: { count: undefined },
    };
    expect(featurePreset('kaldi-mfcc', 16000, undefinedAll)).toEqual(featurePreset('kaldi-mfcc', 16000));
  });

  test.each([
    [
      { frameLenght: 3 },
      'Expected an option that the extraction of features knows, got frameLenght; did you mean frameLength?',
    ],
    [{ mel: { band: 3 } }, 'Expected an option that mel knows, got band; did you mean bands?'],
    [{ frameShift: 0 }, 'Expected frameShift to be an integer of at least 1, got 0'],
    [{ fftSize: 100 }, 'Expected fftSize to be an integer of at least 200, got 100'],
    [{ window: 'hanning' }, 'Expected window to be one of hann, hamming, povey, blackman, rectangular, got "hanning"'],
    [{ cepstra: { count: 24 } }, 'Expected cepstra.count to be an integer from 1 to 23, got 24'],
    [{ dither: -1 }, 'Expected dither to be a number of at least 0, got -1'],
    [{ preEmphasis: 1.5 }, 'Expected preEmphasis to be a number from 0 to 1, got 1.5'],
    [{ output: 'mel', energy: 'replace' }, 'Expected output with energy \'replace\' to be mfcc, got "mel"'],
  ])('with %j is refused', (overrides, message) => {
    expect(() => featurePreset('kaldi-mfcc', 8000, overrides as never)).toThrow(message);
  });
});
