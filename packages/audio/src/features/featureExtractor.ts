import { ConfigError } from '@cadenza/core';
import { type FeatureMatrix, featureMatrix } from './featureMatrix.js';
import { featureFingerprint, type FeatureOptions } from './featureOptions.js';
import { FeatureStream, FrameCutter } from './featureStream.js';
import { FrameAnalyzer } from './frameAnalyzer.js';
import { frameCountOf } from './framing.js';

/** Samples worked on at a time, so that an hour of sound needs little more memory than its own. */
const PIECE = 1 << 13;

/**
 * Turns sound into features: `new FeatureExtractor(featurePreset('kaldi-mfcc', 16000)).extract(samples)`.
 * @throws {ConfigError} for options that are unknown, absent or wrong
 */
export class FeatureExtractor {
  private readonly analyzer: FrameAnalyzer;

  constructor(readonly options: FeatureOptions) {
    this.analyzer = new FrameAnalyzer(options);
  }

  /** D: how many values a frame has. */
  get dimension(): number {
    return this.analyzer.dimension;
  }

  /** Equal for equal options; see {@link featureFingerprint}. */
  get fingerprint(): string {
    return featureFingerprint(this.options);
  }

  /** How many frames so many samples give. */
  frameCount(samples: number): number {
    return frameCountOf(samples, this.options);
  }

  /**
   * The features of one channel at the options' sample rate, `[F, D]`. Sound that is too short for a frame gives none.
   * @throws {InputError} for a sample that is not finite
   */
  extract(samples: Float32Array): FeatureMatrix {
    const { analyzer, options } = this;
    analyzer.reset();
    const frames = this.frameCount(samples.length);
    const width = analyzer.bandCount;
    const whole = options.log.range > 0; // the limit needs all frames; otherwise one row of bands will do
    const bands = new Float64Array(whole ? frames * width : width);
    const energies = new Float64Array(frames);
    const values = new Float32Array(frames * this.dimension);
    let frame = 0;
    const cutter = new FrameCutter(options, (signal, at) => {
      energies[frame] = analyzer.bands(signal, at, bands, whole ? frame * width : 0);
      if (!whole) analyzer.finish(bands, 0, energies[frame], values, frame * this.dimension);
      frame++;
    });
    for (let at = 0; at < samples.length; at += PIECE) cutter.push(samples.subarray(at, at + PIECE));
    cutter.end();
    if (whole) {
      limitRange(bands, options.log.range);
      for (let f = 0; f < frames; f++) analyzer.finish(bands, f * width, energies[f], values, f * this.dimension);
    }
    return featureMatrix(values, this.dimension);
  }

  /**
   * The same for sound that arrives in pieces.
   * @throws {ConfigError} where the logarithms have a range, which is counted from the largest of the whole utterance
   */
  stream(): FeatureStream {
    if (this.options.log.range > 0) {
      throw new ConfigError(
        `Expected log.range to be 0 for a stream, got ${this.options.log.range}: it needs the whole`,
      );
    }
    return new FeatureStream(new FrameAnalyzer(this.options), this.options);
  }
}

/** Raises every value that is more than `range` below the largest (librosa's and torchaudio's `top_db`). */
export function limitRange(values: Float64Array, range: number): void {
  let largest = -Infinity;
  for (let n = 0; n < values.length; n++) if (values[n] > largest) largest = values[n];
  for (let n = 0; n < values.length; n++) if (values[n] < largest - range) values[n] = largest - range;
}
