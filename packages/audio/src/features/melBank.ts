import { ConfigError, expected } from '@cadenza/core';
import { hertzToMel, type MelScale, melToHertz } from './melScale.js';

export interface MelOptions {
  /** How many bands, M. */
  bands: number;
  /** Where the first band begins and the last ends, in hertz. A highest of 0 or less counts from the Nyquist frequency. */
  lowest: number;
  highest: number;
  scale: MelScale;
  /** `slaney` divides each band by half its width in hertz, so that all have one area. */
  norm: 'none' | 'slaney';
  /**
   * Where the sides of a triangle are straight: over `hertz` (librosa, torchaudio's transforms), over `mel` (Kaldi,
   * which also leaves the last bin out), or over `bins`, between corners moved down to whole bins (python_speech_features), or to the nearest (`nearest`: Sphinx).
   */
  triangles: 'hertz' | 'mel' | 'bins' | 'nearest';
}

/** M triangular bands, each a run of weights over neighbouring bins. */
export class MelBank {
  private readonly first: Int32Array;
  private readonly offsets: Int32Array;
  private readonly weights: Float64Array;

  /** @param dense `[M, fftSize / 2 + 1]` weights; of each row what lies between its zeros is kept */
  constructor(dense: readonly Float64Array[]) {
    this.first = new Int32Array(dense.length);
    this.offsets = new Int32Array(dense.length + 1);
    const kept: number[] = [];
    for (const [band, row] of dense.entries()) {
      const begin = row.findIndex((weight) => weight !== 0);
      this.first[band] = Math.max(0, begin);
      if (begin >= 0) kept.push(...row.subarray(begin, row.findLastIndex((weight) => weight !== 0) + 1));
      this.offsets[band + 1] = kept.length;
    }
    this.weights = Float64Array.from(kept);
  }

  get bands(): number {
    return this.first.length;
  }

  /** Each band's first bin and its weights from there on. */
  rows(): { first: number; weights: Float64Array }[] {
    const { offsets, weights } = this;
    return Array.from(this.first, (first, band) => ({
      first,
      weights: weights.subarray(offsets[band], offsets[band + 1]),
    }));
  }

  /** The weighted sums of a spectrum, `[fftSize / 2 + 1]`, into `mel`, `[M]`. */
  apply(spectrum: Float64Array, mel: Float64Array): void {
    const { first, offsets, weights } = this;
    for (let band = 0; band < first.length; band++) {
      const end = offsets[band + 1];
      let sum = 0;
      for (let at = offsets[band], bin = first[band]; at < end; at++, bin++) sum += weights[at] * spectrum[bin];
      mel[band] = sum;
    }
  }
}

/** @throws {ConfigError} for bands that do not lie inside 0 Hz and the Nyquist frequency, and for unknown words */
export function melBank(options: MelOptions, fftSize: number, sampleRate: number): MelBank {
  return new MelBank(melWeights(options, fftSize, sampleRate));
}

/** The weights of every band over all bins, `[M, fftSize / 2 + 1]`. */
export function melWeights(options: MelOptions, fftSize: number, sampleRate: number): Float64Array[] {
  const highest = options.highest > 0 ? options.highest : sampleRate / 2 + options.highest;
  check(options, highest, sampleRate);
  const { bands, lowest, scale, triangles, norm } = options;
  const low = hertzToMel(lowest, scale);
  const step = (hertzToMel(highest, scale) - low) / (bands + 1);
  const mels = Array.from({ length: bands + 2 }, (_, corner) => low + corner * step);
  const bins = Math.floor(fftSize / 2) + 1;
  const binHertz = (bin: number): number => (bin * sampleRate) / fftSize;
  let corners = mels.map((mel) => melToHertz(mel, scale));
  let place = binHertz;
  let last = bins;
  if (triangles === 'mel') {
    corners = mels;
    place = (bin) => hertzToMel(binHertz(bin), scale);
    last = bins - 1;
  } else if (triangles === 'bins') {
    corners = corners.map((hertz) => Math.floor(((fftSize + 1) * hertz) / sampleRate));
    place = (bin) => bin;
  } else if (triangles === 'nearest') {
    corners = corners.map((hertz) => binHertz(Math.floor((hertz * fftSize) / sampleRate + 0.5)));
  }
  // The area is that of the triangle as it is drawn, where its corners were moved in hertz.
  const edges = triangles === 'nearest' ? corners : mels.map((mel) => melToHertz(mel, scale));
  return Array.from({ length: bands }, (_, band) => {
    const [left, centre, right] = corners.slice(band, band + 3);
    const area = norm === 'slaney' ? 2 / (edges[band + 2] - edges[band]) : 1;
    return Float64Array.from({ length: bins }, (_, bin) => {
      if (bin >= last) return 0;
      const at = place(bin);
      // The rising side ends before the centre, so that a side of no width gives no division by zero.
      if (at > left && at < centre) return (area * (at - left)) / (centre - left);
      return at >= centre && at < right ? (area * (right - at)) / (right - centre) : 0;
    });
  });
}

function check(options: MelOptions, highest: number, sampleRate: number): void {
  const { bands, lowest, scale, norm, triangles } = options;
  if (!Number.isInteger(bands) || bands < 1) throw new ConfigError(expected('mel.bands', 'a positive integer', bands));
  if (!(lowest >= 0 && lowest < highest))
    throw new ConfigError(expected('mel.lowest', `from 0 to below ${highest} Hz`, lowest));
  if (!(highest <= sampleRate / 2)) {
    throw new ConfigError(
      expected('mel.highest', `at most the Nyquist frequency of ${sampleRate / 2} Hz`, options.highest),
    );
  }
  const words: [string, string, string[]][] = [
    ['mel.scale', scale, ['htk', 'slaney']],
    ['mel.norm', norm, ['none', 'slaney']],
    ['mel.triangles', triangles, ['hertz', 'mel', 'bins', 'nearest']],
  ];
  for (const [name, word, known] of words) {
    if (!known.includes(word)) throw new ConfigError(expected(name, `one of ${known.join(', ')}`, word));
  }
}
