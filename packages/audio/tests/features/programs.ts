import type { FeatureOverrides, FeaturePreset } from '../../src/index.js';

/** How the golden features, by their name, were asked for, in this package's options. */
export const programs: Record<string, [FeaturePreset, (rate: number) => FeatureOverrides]> = {
  'librosa-mfcc': ['librosa-mfcc', () => ({})],
  'librosa-mfcc small': [
    'librosa-mfcc',
    () => ({
      frameLength: 300,
      frameShift: 160,
      fftSize: 400,
      padding: 'reflect',
      window: 'hamming',
      mel: { bands: 40, lowest: 50, highest: 3800, scale: 'htk' },
      cepstra: { count: 13, norm: 'none', lifter: 22 },
    }),
  ],
  'librosa-mel': ['librosa-mel', () => ({ mel: { bands: 20 } })],
  'kaldi-mfcc': ['kaldi-mfcc', () => ({})],
  'kaldi-mfcc energy': ['kaldi-mfcc', () => ({ energy: 'replace', cepstra: { count: 7 } })],
  'kaldi-mfcc windowed energy': [
    'kaldi-mfcc',
    () => ({ energy: 'replace', energyOf: 'windowed', energyFloor: 0, cepstra: { count: 3 } }),
  ],
  'kaldi-mfcc mirror': ['kaldi-mfcc', () => ({ edges: 'mirror', cepstra: { count: 5 } })],
  'kaldi-fbank': ['kaldi-fbank', () => ({})],
  'kaldi-fbank energy': [
    'kaldi-fbank',
    () => ({
      energy: 'prepend',
      window: 'hamming',
      exponent: 1,
      preEmphasis: 0.9,
      mel: { bands: 10, lowest: 100, highest: -200 },
    }),
  ],
  'kaldi-spectrum': [
    'kaldi-fbank',
    (rate) => ({
      output: 'spectrum',
      frameLength: 0.004 * rate,
      frameShift: 0.03 * rate,
      fftSize: 0.004 * rate,
      window: 'blackman',
    }),
  ],
  'torchaudio-mfcc': ['torchaudio-mfcc', () => ({})],
  'torchaudio-mfcc log': [
    'torchaudio-mfcc',
    () => ({
      frameLength: 512,
      frameShift: 160,
      fftSize: 512,
      mel: { bands: 40 },
      log: { kind: 'natural', floor: 1e-6, floorMode: 'add', range: 0 },
      cepstra: { count: 13 },
    }),
  ],
  'python-speech-features-mfcc': ['python-speech-features-mfcc', () => ({})],
  'python-speech-features-mfcc plain': [
    'python-speech-features-mfcc',
    () => ({ energy: 'none', window: 'hamming', mel: { lowest: 133 }, cepstra: { count: 6, lifter: 0 } }),
  ],
  'sphinx-mfcc': ['sphinx-mfcc', (rate) => ({ mel: { highest: rate === 16_000 ? 6800 : 3800 } })],
};
