import { createHash } from 'node:crypto';
import { ConfigError, expected, refuseUnknown } from '@cadenza/core';
import { assertInteger, assertNumber, assertOneOf } from '../checks.js';
import type { MelOptions } from './melBank.js';
import type { SpectrumSource } from './powerSpectrum.js';
import { WINDOW_NAMES, type WindowName } from './windows.js';

export interface CepstraOptions {
  /** How many coefficients to keep, C0 among them. */
  count: number;
  /** Of the cosine transform. */
  norm: 'ortho' | 'none' | 'sphinx';
  /** The length L of the lifter; 0 leaves the coefficients as they are. */
  lifter: number;
  /** See {@link lifterWeights}. */
  lifterShift: 0 | 1;
}

export interface LogOptions {
  /** `decibel` is 10 log10. */
  kind: 'natural' | 'log10' | 'decibel' | 'none';
  /** What keeps the logarithm finite. */
  floor: number;
  /** How: no value is below the floor (`clamp`), it is added to all (`add`), or it replaces zeros only (`zero`). */
  floorMode: 'clamp' | 'add' | 'zero';
  /** No value is further below the utterance's largest than this; 0 for no limit. Needs the whole utterance. */
  range: number;
}

/** Everything that decides what the features of a signal are. Each preset fills all of it. */
export interface FeatureOptions {
  /** What a frame ends as: the logarithm of its power spectrum, of its mel bands, or their cepstral coefficients. */
  output: 'spectrum' | 'mel' | 'mfcc';
  /** In hertz. */
  sampleRate: number;
  /** What samples are multiplied by first: 32768 for recipes that count in 16-bit steps. */
  scale: number;
  /** In samples. */
  frameLength: number;
  frameShift: number;
  /** At least `frameLength`; frames are filled up with zeros. */
  fftSize: number;
  /**
   * What happens at the ends. `snip`: only frames inside the signal (Kaldi's snip-edges; 1 + (N - length) / shift). `pad`:
   * zeros until the last sample is inside a frame (python_speech_features). `center`: frame t is centred on sample
   * t * shift (librosa; 1 + N / shift), with what `padding` says outside. `mirror`: Kaldi without snip-edges.
   */
  edges: 'snip' | 'pad' | 'center' | 'mirror';
  padding: 'constant' | 'reflect' | 'edge';
  /** The standard deviation of noise added to each sample of each frame (after `scale`); 0 for none. */
  dither: number;
  ditherSeed: number;
  /** Subtracts each frame's mean. */
  removeOffset: boolean;
  /** The factor a of x[n] - a x[n-1]; 0 for none. */
  preEmphasis: number;
  /** Over the signal, whose first sample stays, or within each frame, whose first sample is its own predecessor (Kaldi). */
  preEmphasisOver: 'signal' | 'frame';
  window: WindowName;
  windowPeriodic: boolean;
  spectrum: SpectrumSource;
  /** 2 for the power spectrum, 1 for the magnitude. */
  exponent: 1 | 2;
  /** Divides the spectrum by fftSize, as python_speech_features does. */
  spectrumPerBin: boolean;
  mel: MelOptions;
  log: LogOptions;
  cepstra: CepstraOptions;
  /** The logarithm of the frame's energy in the place of C0, before all other values, or not at all. */
  energy: 'none' | 'replace' | 'prepend';
  /** Measured before pre-emphasis and window (`raw`), after them (`windowed`), or as the spectrum's sum. */
  energyOf: 'raw' | 'windowed' | 'spectrum';
  /** The lowest energy; 0 for only what keeps the logarithm finite. */
  energyFloor: number;
}

const KEYS: Record<'features' | 'mel' | 'log' | 'cepstra', string[]> = {
  features: (
    'output sampleRate scale frameLength frameShift fftSize edges padding dither ditherSeed removeOffset preEmphasis ' +
    'preEmphasisOver window windowPeriodic spectrum exponent spectrumPerBin mel log cepstra energy energyOf energyFloor'
  ).split(' '),
  mel: ['bands', 'lowest', 'highest', 'scale', 'norm', 'triangles'],
  log: ['kind', 'floor', 'floorMode', 'range'],
  cepstra: ['count', 'norm', 'lifter', 'lifterShift'],
};

/** @throws {ConfigError} one line, for the first option that is unknown, absent or wrong */
export function checkFeatureOptions(options: FeatureOptions): void {
  refuseUnknown('the extraction of features', options, KEYS.features);
  refuseUnknown('mel', options.mel, KEYS.mel);
  refuseUnknown('log', options.log, KEYS.log);
  refuseUnknown('cepstra', options.cepstra, KEYS.cepstra);
  checkWords(options);
  assertNumber('sampleRate', options.sampleRate, 1);
  assertNumber('scale', options.scale, Number.MIN_VALUE);
  assertInteger('frameLength', options.frameLength, 2);
  assertInteger('frameShift', options.frameShift, 1);
  assertInteger('fftSize', options.fftSize, options.frameLength);
  assertNumber('dither', options.dither, 0);
  assertInteger('ditherSeed', options.ditherSeed, 0);
  assertNumber('preEmphasis', options.preEmphasis, 0, 1);
  assertNumber('energyFloor', options.energyFloor, 0);
  assertNumber('log.floor', options.log.floor, 0);
  assertNumber('log.range', options.log.range, 0);
  assertInteger('cepstra.count', options.cepstra.count, 1, options.output === 'mfcc' ? options.mel.bands : undefined);
  assertNumber('cepstra.lifter', options.cepstra.lifter, 0);
  if (options.energy === 'replace' && options.output !== 'mfcc') {
    throw new ConfigError(expected("output with energy 'replace'", 'mfcc', options.output));
  }
}

function checkWords(options: FeatureOptions): void {
  const flags = [true, false];
  const words: [string, unknown, readonly unknown[]][] = [
    ['output', options.output, ['spectrum', 'mel', 'mfcc']],
    ['edges', options.edges, ['snip', 'pad', 'center', 'mirror']],
    ['padding', options.padding, ['constant', 'reflect', 'edge']],
    ['preEmphasisOver', options.preEmphasisOver, ['signal', 'frame']],
    ['window', options.window, WINDOW_NAMES],
    ['spectrum', options.spectrum, ['fast', 'meyda']],
    ['exponent', options.exponent, [1, 2]],
    ['removeOffset', options.removeOffset, flags],
    ['windowPeriodic', options.windowPeriodic, flags],
    ['spectrumPerBin', options.spectrumPerBin, flags],
    ['log.kind', options.log.kind, ['natural', 'log10', 'decibel', 'none']],
    ['log.floorMode', options.log.floorMode, ['clamp', 'add', 'zero']],
    ['cepstra.norm', options.cepstra.norm, ['ortho', 'none', 'sphinx']],
    ['cepstra.lifterShift', options.cepstra.lifterShift, [0, 1]],
    ['energy', options.energy, ['none', 'replace', 'prepend']],
    ['energyOf', options.energyOf, ['raw', 'windowed', 'spectrum']],
  ];
  for (const [name, value, known] of words) assertOneOf(name, value, known);
}

/** Changes when the numbers that the same options give change by more than their last digits, so that cached features are made again. */
const VERSION = 1;

/** SHA-256 over the options in one order, in hexadecimal: equal exactly where the features would be. */
export function featureFingerprint(options: FeatureOptions): string {
  const sorted = (value: unknown): unknown =>
    typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, sorted(inner)]),
        )
      : value;
  return createHash('sha256')
    .update(JSON.stringify([VERSION, sorted(options)]))
    .digest('hex');
}
