import { InputError } from '@cadenza/core';
import { type FeatureMatrix, featureMatrix } from './featureMatrix.js';
import type { FeatureOptions } from './featureOptions.js';
import type { FrameAnalyzer } from './frameAnalyzer.js';
import { firstFrameStart, frameCountOf, outsideIndex, samplesForBeginning } from './framing.js';

/** What takes a frame: its place in `signal`. */
type FrameSink = (signal: Float64Array, at: number) => void;

/**
 * Cuts a signal that arrives in pieces into frames, with what its edges ask for before and behind it. It holds no more
 * than a frame and the piece.
 */
export class FrameCutter {
  /**
   * The first `length` are samples after scale and pre-emphasis; the very first is number `origin` of the signal, which is
   * negative in the padding.
   */
  private held = new Float64Array(0);
  private length = 0;
  private origin: number | undefined;
  private received = 0;
  private emitted = 0;
  private previous = 0;

  constructor(
    private readonly options: FeatureOptions,
    private readonly sink: FrameSink,
  ) {}

  /** @throws {InputError} for a sample that is not finite */
  push(samples: Float32Array): void {
    this.append(samples);
    this.received += samples.length;
    const begun = this.received >= Math.max(1, samplesForBeginning(this.options));
    if (this.origin === undefined && begun) this.begin();
    if (this.origin !== undefined) this.cut(Infinity);
  }

  /** Pads the end and cuts the last frames. */
  end(): void {
    const { options, received } = this;
    const frames = frameCountOf(received, options);
    if (this.origin === undefined && received > 0) this.begin();
    if (frames > this.emitted) {
      const lastEnd = firstFrameStart(options) + (frames - 1) * options.frameShift + options.frameLength;
      const origin = this.origin!;
      const at = this.extend(Math.max(0, lastEnd - received));
      for (let n = 0; n < this.length - at; n++) {
        const source = outsideIndex(received + n, received, options);
        this.held[at + n] = source < 0 ? 0 : this.held[source - origin];
      }
      this.cut(frames);
    }
  }

  /** Scales and pre-emphasises a piece: x[n] - a x[n-1], where the first sample stays as it is. */
  private append(samples: Float32Array): void {
    const { scale, preEmphasis, preEmphasisOver } = this.options;
    const factor = preEmphasisOver === 'signal' ? preEmphasis : 0;
    const at = this.extend(samples.length);
    const { held } = this;
    let previous = this.previous;
    let zero = 0; // not a number as soon as one sample is not finite, which is quicker than to ask each
    for (let n = 0; n < samples.length; n++) {
      const value = samples[n] * scale;
      zero += value * 0;
      held[at + n] = value - factor * previous;
      previous = value;
    }
    if (zero !== 0) {
      const at = samples.findIndex((value) => !Number.isFinite(value * scale));
      throw new InputError(`Expected finite samples, got ${samples[at]} at sample ${this.received + at}`);
    }
    this.previous = previous;
  }

  /** Makes room for so many more samples; returns where. */
  private extend(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.held.length) {
      const longer = new Float64Array(Math.max(this.length, 2 * this.held.length));
      longer.set(this.held.subarray(0, at));
      this.held = longer;
    }
    return at;
  }

  /** Puts before the signal what its first frame needs there, or passes over what it leaves out. */
  private begin(): void {
    const start = firstFrameStart(this.options);
    const before = Math.max(0, -start);
    const signal = this.held.slice(0, this.length);
    this.extend(before);
    this.held.set(signal, before);
    for (let n = 0; n < before; n++) {
      const source = outsideIndex(start + n, this.received, this.options);
      this.held[n] = source < 0 ? 0 : signal[source];
    }
    this.origin = Math.min(0, start);
  }

  /** Hands out every frame that is all there, and forgets what neither a frame nor the padding of the end will need. */
  private cut(frames: number): void {
    const { frameLength, frameShift, fftSize } = this.options;
    let at = firstFrameStart(this.options) + this.emitted * frameShift - this.origin!;
    for (; this.emitted < frames && at + frameLength <= this.length; at += frameShift) {
      this.sink(this.held, at);
      this.emitted++;
    }
    const needless = Math.min(at, this.length) - fftSize;
    if (needless > 0) {
      this.held.copyWithin(0, needless, this.length);
      this.length -= needless;
      this.origin! += needless;
    }
  }
}

/**
 * Features of a signal that arrives in pieces: what comes back, joined, equals the features of the whole. A frame comes
 * with the piece that completes it.
 */
export class FeatureStream {
  private readonly cutter: FrameCutter;
  private values = new Float32Array(0);
  private used = 0;
  private ended = false;

  /** @param analyzer its own, since its dither goes on from frame to frame */
  constructor(
    private readonly analyzer: FrameAnalyzer,
    options: FeatureOptions,
  ) {
    const bands = new Float64Array(analyzer.bandCount);
    this.cutter = new FrameCutter(options, (signal, at) => {
      const energy = analyzer.bands(signal, at, bands, 0);
      this.grow();
      analyzer.finish(bands, 0, energy, this.values, this.used);
      this.used += analyzer.dimension;
    });
  }

  /**
   * @returns the frames that the samples complete, `[F, D]`, F may be 0
   * @throws {InputError} for a sample that is not finite, and after the end
   */
  push(samples: Float32Array): FeatureMatrix {
    if (this.ended) throw new InputError('Expected no samples after the end of the stream of features, got more');
    this.cutter.push(samples);
    return this.taken();
  }

  /** @returns the frames that the edges of the end complete; the stream takes no more afterwards */
  end(): FeatureMatrix {
    this.ended = true;
    this.cutter.end();
    return this.taken();
  }

  private taken(): FeatureMatrix {
    const values = this.values.slice(0, this.used);
    this.used = 0;
    return featureMatrix(values, this.analyzer.dimension);
  }

  private grow(): void {
    if (this.used + this.analyzer.dimension <= this.values.length) return;
    const larger = new Float32Array(Math.max(64 * this.analyzer.dimension, 2 * this.values.length));
    larger.set(this.values);
    this.values = larger;
  }
}
