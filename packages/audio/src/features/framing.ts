import type { FeatureOptions } from './featureOptions.js';

export type FramingOptions = Pick<FeatureOptions, 'frameLength' | 'frameShift' | 'fftSize' | 'edges' | 'padding'>;

/** How many frames a signal of so many samples has. */
export function frameCountOf(samples: number, options: FramingOptions): number {
  const { frameLength, frameShift, fftSize, edges } = options;
  if (samples <= 0) return 0;
  switch (edges) {
    case 'snip':
      return samples < frameLength ? 0 : 1 + Math.floor((samples - frameLength) / frameShift);
    case 'pad':
      return samples <= frameLength ? 1 : 1 + Math.ceil((samples - frameLength) / frameShift);
    case 'center':
      return 1 + Math.max(0, Math.floor((samples + 2 * Math.floor(fftSize / 2) - fftSize) / frameShift));
    case 'mirror':
      return Math.floor((samples + Math.floor(frameShift / 2)) / frameShift);
  }
}

/** Where the first frame begins, in samples of the signal; negative where it is padded. */
export function firstFrameStart({ frameLength, frameShift, fftSize, edges }: FramingOptions): number {
  if (edges === 'center') return Math.floor((fftSize - frameLength) / 2) - Math.floor(fftSize / 2);
  if (edges === 'mirror') return Math.floor(frameShift / 2) - Math.floor(frameLength / 2);
  return 0;
}

/**
 * The sample that stands for one outside the signal of N samples: `reflect` leaves the edge sample out (numpy's
 * `reflect`), `mirror` repeats it (numpy's `symmetric`, Kaldi), `edge` goes on with it; -1 stands for silence.
 */
export function outsideIndex(index: number, samples: number, options: FramingOptions): number {
  if (index >= 0 && index < samples) return index;
  const kind = options.edges === 'mirror' ? 'mirror' : options.edges === 'center' ? options.padding : 'constant';
  if (kind === 'constant') return -1;
  if (kind === 'edge' || samples === 1) return index < 0 ? 0 : samples - 1;
  const period = kind === 'mirror' ? 2 * samples : 2 * (samples - 1);
  const folded = ((index % period) + period) % period;
  if (folded < samples) return folded;
  return kind === 'mirror' ? period - 1 - folded : period - folded;
}

/** How many samples at the beginning decide what stands before it. */
export function samplesForBeginning(options: FramingOptions): number {
  const before = -firstFrameStart(options);
  if (before <= 0) return 0;
  if (options.edges === 'mirror') return before;
  return options.padding === 'reflect' ? before + 1 : options.padding === 'edge' ? 1 : 0;
}
