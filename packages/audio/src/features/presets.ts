import { ConfigError, expected, nearestName } from '@cadenza/core';
import { assertInteger, told } from '../checks.js';
import { checkFeatureOptions, type FeatureOptions } from './featureOptions.js';

/** What may be changed of a preset: any option, and of `mel`, `log` and `cepstra` any part. What is undefined is not changed. */
export type FeatureOverrides = Omit<Partial<FeatureOptions>, 'mel' | 'log' | 'cepstra'> & {
  mel?: Partial<FeatureOptions['mel']>;
  log?: Partial<FeatureOptions['log']>;
  cepstra?: Partial<FeatureOptions['cepstra']>;
};

const FLOAT32_EPSILON = 2 ** -23;
const nextPowerOfTwo = (size: number): number => 2 ** Math.ceil(Math.log2(size));

/** Frames of 25 ms every 10 ms, the window of Povey, offset and pre-emphasis within the frame, 23 bands over 20 Hz. */
function kaldi(sampleRate: number): FeatureOptions {
  const frameLength = Math.floor(sampleRate * 0.025);
  return {
    output: 'mfcc',
    sampleRate,
    scale: 32768,
    frameLength,
    frameShift: Math.floor(sampleRate * 0.01),
    fftSize: nextPowerOfTwo(frameLength),
    edges: 'snip',
    padding: 'constant',
    dither: 0,
    ditherSeed: 0,
    removeOffset: true,
    preEmphasis: 0.97,
    preEmphasisOver: 'frame',
    window: 'povey',
    windowPeriodic: false,
    spectrum: 'fast',
    exponent: 2,
    spectrumPerBin: false,
    mel: { bands: 23, lowest: 20, highest: 0, scale: 'htk', norm: 'none', triangles: 'mel' },
    log: { kind: 'natural', floor: FLOAT32_EPSILON, floorMode: 'clamp', range: 0 },
    cepstra: { count: 13, norm: 'ortho', lifter: 22, lifterShift: 0 },
    energy: 'none',
    energyOf: 'raw',
    energyFloor: 1,
  };
}

function pythonSpeechFeatures(sampleRate: number): FeatureOptions {
  const frameLength = Math.round(sampleRate * 0.025);
  return {
    ...kaldi(sampleRate),
    frameLength,
    frameShift: Math.round(sampleRate * 0.01),
    fftSize: Math.max(512, nextPowerOfTwo(frameLength)),
    edges: 'pad',
    removeOffset: false,
    preEmphasisOver: 'signal',
    window: 'rectangular',
    spectrumPerBin: true,
    mel: { bands: 26, lowest: 0, highest: 0, scale: 'htk', norm: 'none', triangles: 'bins' },
    log: { kind: 'natural', floor: Number.EPSILON, floorMode: 'zero', range: 0 },
    energy: 'replace',
    energyOf: 'spectrum',
    energyFloor: 0,
  };
}

function librosa(sampleRate: number): FeatureOptions {
  return {
    ...kaldi(sampleRate),
    scale: 1,
    frameLength: 2048,
    frameShift: 512,
    fftSize: 2048,
    edges: 'center',
    removeOffset: false,
    preEmphasis: 0,
    window: 'hann',
    windowPeriodic: true,
    mel: { bands: 128, lowest: 0, highest: 0, scale: 'slaney', norm: 'slaney', triangles: 'hertz' },
    log: { kind: 'decibel', floor: 1e-10, floorMode: 'clamp', range: 80 },
    cepstra: { count: 20, norm: 'ortho', lifter: 0, lifterShift: 1 },
  };
}

function torchaudio(sampleRate: number): FeatureOptions {
  const preset = librosa(sampleRate);
  return {
    ...preset,
    frameLength: 400,
    frameShift: 200,
    fftSize: 400,
    padding: 'reflect',
    mel: { ...preset.mel, scale: 'htk', norm: 'none' },
    cepstra: { ...preset.cepstra, count: 40 },
  };
}

/** Frames of 25.625 ms every 10 ms and 40 bands of unit area, whose edges lie on the transform's bins. */
function sphinx(sampleRate: number): FeatureOptions {
  const frameLength = Math.floor(sampleRate * 0.025625 + 0.5);
  return {
    ...kaldi(sampleRate),
    frameLength,
    fftSize: Math.max(512, nextPowerOfTwo(frameLength)),
    edges: 'pad',
    removeOffset: false,
    preEmphasisOver: 'signal',
    window: 'hamming',
    mel: {
      bands: 40,
      lowest: 130,
      highest: Math.min(6800, sampleRate / 2),
      scale: 'htk',
      norm: 'slaney',
      triangles: 'nearest',
    },
    log: { kind: 'natural', floor: 1e-4, floorMode: 'add', range: 0 },
    cepstra: { count: 13, norm: 'sphinx', lifter: 0, lifterShift: 0 },
  };
}

const PRESETS = {
  /** Kaldi's compute-mfcc-feats and torchaudio.compliance.kaldi.mfcc (of 16-bit values), both without energy. */
  'kaldi-mfcc': kaldi,
  /** Kaldi's compute-fbank-feats and torchaudio.compliance.kaldi.fbank. */
  'kaldi-fbank': (sampleRate: number): FeatureOptions => ({ ...kaldi(sampleRate), output: 'mel' }),
  /** sphinx_fe of SphinxBase, with its `legacy` transform. */
  'sphinx-mfcc': sphinx,
  /** librosa.feature.mfcc of librosa 0.10 and 0.11. */
  'librosa-mfcc': librosa,
  /** librosa.power_to_db(librosa.feature.melspectrogram(...)). */
  'librosa-mel': (sampleRate: number): FeatureOptions => ({ ...librosa(sampleRate), output: 'mel' }),
  /** torchaudio.transforms.MFCC. */
  'torchaudio-mfcc': torchaudio,
  /** python_speech_features.mfcc of 16-bit values; above 20.48 kHz with an `nfft` that holds the frame. */
  'python-speech-features-mfcc': pythonSpeechFeatures,
};

export type FeaturePreset = keyof typeof PRESETS;
export const FEATURE_PRESETS = Object.keys(PRESETS) as FeaturePreset[];

/**
 * The options with which {@link FeatureExtractor} gives what another program gives for the same WAV file: what each
 * preset equals stands at its name in the README.
 *
 * @throws {ConfigError} for an unknown preset, naming the nearest, and for options that are unknown or wrong
 */
export function featurePreset(
  name: FeaturePreset,
  sampleRate: number,
  overrides: FeatureOverrides = {},
): FeatureOptions {
  if (!Object.hasOwn(PRESETS, name)) {
    const nearest = nearestName(String(name), FEATURE_PRESETS);
    throw new ConfigError(
      `${expected('preset', `one of ${FEATURE_PRESETS.join(', ')}`, name)}; did you mean ${nearest}?`,
    );
  }
  assertInteger('sampleRate', sampleRate, 200, 10_000_000);
  const base = PRESETS[name](sampleRate);
  const options: FeatureOptions = {
    ...base,
    ...told(overrides),
    mel: { ...base.mel, ...told(overrides.mel) },
    log: { ...base.log, ...told(overrides.log) },
    cepstra: { ...base.cepstra, ...told(overrides.cepstra) },
  };
  checkFeatureOptions(options);
  return options;
}
