import { ConfigError, expected, InputError, refuseUnknown } from '@cadenza/core';
import { assertInteger, told } from '../checks.js';
import { type FeatureMatrix, featureMatrix } from './featureMatrix.js';

export interface NormalizationOptions {
  /** Divide by the standard deviation too, not only subtract the mean; true unless told. */
  variance?: boolean;
}

/** No standard deviation is taken for smaller than this: a feature that never changes becomes zero, not infinite. */
const LEAST_DEVIATION = 1e-5;

/**
 * Counts, sums and sums of squares of each feature, for cepstral mean and variance normalisation (Furui 1981; Viikki and
 * Laurila 1998): over an utterance, a speaker, or a whole training set. Statistics of parts merge into those of the whole.
 */
export class NormalizationStatistics {
  count = 0;
  readonly sums: Float64Array;
  readonly squares: Float64Array;

  constructor(readonly dimension: number) {
    assertInteger('dimension', dimension, 1);
    this.sums = new Float64Array(dimension);
    this.squares = new Float64Array(dimension);
  }

  /** The statistics of one matrix. */
  static of(features: FeatureMatrix): NormalizationStatistics {
    return new NormalizationStatistics(features.dimension).add(features);
  }

  /** Counts every frame. @throws {InputError} for another dimension */
  add(features: FeatureMatrix): this {
    this.assertDimension(features.dimension);
    for (let frame = 0; frame < features.frames; frame++) this.addFrame(features.values, frame * this.dimension, 1);
    return this;
  }

  /** Counts one frame with a weight; one of -1 takes it back. */
  addFrame(values: ArrayLike<number>, at: number, weight: number): void {
    const { sums, squares, dimension } = this;
    for (let d = 0; d < dimension; d++) {
      const value = values[at + d];
      sums[d] += weight * value;
      squares[d] += weight * value * value;
    }
    this.count += weight;
  }

  /** Adds the statistics of other frames. @throws {InputError} for another dimension */
  merge(other: NormalizationStatistics, weight = 1): this {
    this.assertDimension(other.dimension);
    this.count += weight * other.count;
    for (let d = 0; d < this.dimension; d++) {
      this.sums[d] += weight * other.sums[d];
      this.squares[d] += weight * other.squares[d];
    }
    return this;
  }

  mean(d: number): number {
    return this.count === 0 ? 0 : this.sums[d] / this.count;
  }

  /** The standard deviation over all frames (not the sample's estimate), at least 1e-5; 1 where nothing was counted. */
  deviation(d: number): number {
    if (this.count === 0) return 1;
    const variance = this.squares[d] / this.count - this.mean(d) ** 2;
    return Math.max(LEAST_DEVIATION, Math.sqrt(Math.max(0, variance)));
  }

  /** The features with mean zero and, unless told otherwise, variance one by these statistics: a new matrix. */
  apply(features: FeatureMatrix, options: NormalizationOptions = {}): FeatureMatrix {
    refuseUnknown('the normalization', options, ['variance']);
    this.assertDimension(features.dimension);
    const values = new Float32Array(features.values.length);
    for (let d = 0; d < this.dimension; d++) {
      const mean = this.mean(d);
      const deviation = options.variance === false ? 1 : this.deviation(d);
      for (let at = d; at < values.length; at += this.dimension) values[at] = (features.values[at] - mean) / deviation;
    }
    return featureMatrix(values, this.dimension);
  }

  /** The same for the one frame at a place, written to that place of `result`. */
  applyFrame(values: ArrayLike<number>, result: Float32Array, at: number, options: NormalizationOptions = {}): void {
    for (let d = 0; d < this.dimension; d++) {
      const deviation = options.variance === false ? 1 : this.deviation(d);
      result[at + d] = (values[at + d] - this.mean(d)) / deviation;
    }
  }

  toJSON(): { count: number; sums: number[]; squares: number[] } {
    return { count: this.count, sums: Array.from(this.sums), squares: Array.from(this.squares) };
  }

  /** @throws {InputError} for what {@link toJSON} did not write */
  static fromJSON(json: unknown): NormalizationStatistics {
    const { count, sums, squares } = (json ?? {}) as ReturnType<NormalizationStatistics['toJSON']>;
    const numbers = (list: unknown): list is number[] => Array.isArray(list) && list.every(Number.isFinite);
    if (!Number.isFinite(count) || count < 0 || !numbers(sums) || !numbers(squares) || sums.length !== squares.length) {
      throw new InputError(expected('normalisation statistics', 'a count, sums and squares', json));
    }
    const statistics = new NormalizationStatistics(sums.length);
    statistics.count = count;
    statistics.sums.set(sums);
    statistics.squares.set(squares);
    return statistics;
  }

  private assertDimension(dimension: number): void {
    if (dimension === this.dimension) return;
    throw new InputError(`Expected features of dimension ${this.dimension}, got ${dimension}`);
  }
}

/** Each utterance by its own statistics. */
export function normalizeUtterance(features: FeatureMatrix, options: NormalizationOptions = {}): FeatureMatrix {
  return NormalizationStatistics.of(features).apply(features, options);
}

/** Each speaker's utterances by the statistics of all of them. @returns in the order given */
export function normalizeSpeakers(
  utterances: readonly { speaker: string; features: FeatureMatrix }[],
  options: NormalizationOptions = {},
): FeatureMatrix[] {
  const speakers = new Map<string, NormalizationStatistics>();
  for (const { speaker, features } of utterances) {
    const known = speakers.get(speaker) ?? new NormalizationStatistics(features.dimension);
    speakers.set(speaker, known.add(features));
  }
  return utterances.map(({ speaker, features }) => speakers.get(speaker)!.apply(features, options));
}

export interface RunningNormalizationOptions extends NormalizationOptions {
  /** How many of the last frames count, the present one among them; 600 unless told: six seconds of 10 ms. */
  window?: number;
  /** What is known before the first frame, from a training set or the speaker's earlier words. */
  prior?: NormalizationStatistics;
  /** While fewer frames than this have come, the prior stands for those that lack; 200 unless told. */
  priorFrames?: number;
}

/**
 * Normalisation of a stream by the frames so far, without looking ahead: the mean and variance of the last `window`
 * frames, and of the prior for as many as lack to `priorFrames` (Kaldi's online CMVN weighs its prior otherwise). Pieces of any sizes
 * give the same numbers.
 */
export class RunningNormalizer {
  private readonly statistics: NormalizationStatistics;
  private readonly recent: Float32Array;
  private readonly options: Required<Omit<RunningNormalizationOptions, 'prior'>> &
    Pick<RunningNormalizationOptions, 'prior'>;
  private seen = 0;

  constructor(
    readonly dimension: number,
    options: RunningNormalizationOptions = {},
  ) {
    refuseUnknown('RunningNormalizer', options, ['variance', 'window', 'prior', 'priorFrames']);
    this.options = { variance: true, window: 600, priorFrames: 200, ...told(options) };
    assertInteger('window', this.options.window, 1);
    assertInteger('priorFrames', this.options.priorFrames, 0);
    if (options.prior && options.prior.dimension !== dimension) {
      throw new ConfigError(expected('prior', `statistics of dimension ${dimension}`, options.prior.dimension));
    }
    this.statistics = new NormalizationStatistics(dimension);
    this.recent = new Float32Array(this.options.window * dimension);
  }

  /** The next frames, normalised. */
  push(features: FeatureMatrix): FeatureMatrix {
    if (features.dimension !== this.dimension) {
      throw new InputError(`Expected features of dimension ${this.dimension}, got ${features.dimension}`);
    }
    const result = new Float32Array(features.values.length);
    for (let at = 0; at < result.length; at += this.dimension) {
      this.count(features.values.subarray(at, at + this.dimension));
      this.present().applyFrame(features.values, result, at, this.options);
    }
    return featureMatrix(result, this.dimension);
  }

  /** Takes a frame in, and the one that leaves the window out. */
  private count(row: Float32Array): void {
    const { statistics, recent, dimension } = this;
    const { window } = this.options;
    const slot = (this.seen % window) * dimension;
    if (this.seen >= window) statistics.addFrame(recent, slot, -1);
    statistics.addFrame(row, 0, 1);
    recent.set(row, slot);
    this.seen++;
    // Sums that are added to and taken from for days drift by rounding; a fresh start once a window costs next to nothing.
    if (this.seen % window === 0) this.recount();
  }

  private recount(): void {
    const { statistics, recent, dimension } = this;
    statistics.count = 0;
    statistics.sums.fill(0);
    statistics.squares.fill(0);
    for (let at = 0; at < recent.length; at += dimension) statistics.addFrame(recent, at, 1);
  }

  private present(): NormalizationStatistics {
    const { prior, priorFrames } = this.options;
    const lacking = Math.max(0, Math.min(priorFrames, this.options.window) - this.statistics.count);
    if (!prior || prior.count === 0 || lacking === 0) return this.statistics;
    return new NormalizationStatistics(this.dimension)
      .merge(this.statistics)
      .merge(prior, Math.min(1, lacking / prior.count));
  }
}
