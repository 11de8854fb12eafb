import type { FeatureMatrix } from '@cadenza/audio';
import { InputError, Random } from '@cadenza/core';
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { z } from 'zod';
import { levelled, voiceOf } from './voices.js';

/** A recording of somebody who may be named. */
export interface Spoken {
  speaker?: string;
  frames: FeatureMatrix;
}

const schema = z.object({
  mean: z.array(z.number()),
  transform: z.array(z.array(z.number())),
  spread: z.array(z.number().min(0)),
});

/**
 * How much of the evidence counts: what recordings of one speaker have in common besides the voice, such as their words, is no
 * evidence of another speaker, although the model thinks so (Landini et al. 2022, the factor F_A).
 */
const EVIDENCE = 0.05;

/** How much of the covariance between speakers is kept beside its diagonal, where there are few of them. */
const KEPT = 0.7;

/** How often the grouping is tried from another order, and how often each goes over all recordings at most. */
const TRIALS = 4;
const ROUNDS = 12;

/**
 * How recordings differ by who speaks, and how by what is said: the two-covariance model of Brümmer and de Villiers 2010, "The speaker
 * partitioning problem". A recording is a vector x: the mean of its loud frames, as of a voice, and that of its quiet ones, which hear the
 * room. With y of a speaker and e of a recording,
 *
 *     x = mean + y + e,   y ~ N(0, B),   e ~ N(0, W)
 *
 * and coordinates are taken in which W is one and B diagonal.
 */
export class VoiceSpace {
  private constructor(
    private readonly mean: readonly number[],
    /** [D, D], rows of new coordinates. */
    private readonly transform: readonly (readonly number[])[],
    /** B in these coordinates, [D]. */
    private readonly spread: readonly number[],
  ) {}

  /**
   * Learns it of recordings whose speakers are named.
   *
   * @param loudness how much of the first coefficient a tenfold power is
   * @returns undefined where there are too few recordings or speakers to tell what they differ in
   */
  static learn(recordings: readonly Spoken[], loudness: number): VoiceSpace | undefined {
    const speakers = new Map<string, number[][]>();
    for (const { speaker, frames } of recordings) {
      if (speaker === undefined || frames.frames === 0) continue;
      if (!speakers.has(speaker)) speakers.set(speaker, []);
      speakers.get(speaker)!.push(placeOf(frames, loudness));
    }
    const places = [...speakers.values()];
    const count = places.reduce((sum, { length }) => sum + length, 0);
    const dimension = places[0]?.[0].length ?? 0;
    if (speakers.size < 3 || count - speakers.size < 2 * dimension) return undefined;
    const centers = places.map(meanOf);
    const mean = meanOf(centers);
    const within = covariance(places.flatMap((own, speaker) => own.map((place) => minus(place, centers[speaker]))));
    const between = covariance(centers.map((center) => minus(center, mean)));
    for (let row = 0; row < dimension; row++) {
      for (let column = 0; column < dimension; column++) {
        if (row !== column) between.set(row, column, KEPT * between.get(row, column));
      }
    }
    const { values, vectors } = eigen(within);
    const largest = Math.max(...values);
    if (!(largest > 0)) return undefined;
    // What never changes within a speaker, as of recordings that a program made, must not decide alone.
    const white = vectors.map((vector, d) =>
      vector.map((value) => value / Math.sqrt(Math.max(values[d], 1e-6 * largest))),
    );
    const whitening = new Matrix(white);
    const turned = eigen(whitening.mmul(between).mmul(whitening.transpose()));
    const transform = new Matrix(turned.vectors).mmul(whitening).to2DArray();
    return new VoiceSpace(
      mean,
      transform,
      turned.values.map((value) => Math.max(0, value)),
    );
  }

  /** @throws {InputError} for anything that {@link toJSON} does not give */
  static fromJSON(value: unknown): VoiceSpace {
    const { success, data } = schema.safeParse(value);
    const dimension = data?.mean.length;
    if (!success || data.spread.length !== dimension || data.transform.some(({ length }) => length !== dimension)) {
      throw new InputError(
        'Expected the voices of a run: mean, transform and spread of one dimension, got something else',
      );
    }
    return new VoiceSpace(data.mean, data.transform, data.spread);
  }

  toJSON(): z.infer<typeof schema> {
    return { mean: [...this.mean], transform: this.transform.map((row) => [...row]), spread: [...this.spread] };
  }

  /**
   * Groups recordings by who seems to speak: the partition of greatest evidence that is found by moving single recordings and by joining
   * groups. With little to go by there is one group.
   *
   * @returns the group of each recording, in the order given
   */
  group(recordings: readonly FeatureMatrix[], loudness: number): Int32Array {
    const points = recordings.map((frames) => this.pointOf(frames, loudness));
    let best: Int32Array = new Int32Array(points.length);
    let most = -Infinity;
    for (let trial = 0; trial < TRIALS; trial++) {
      const partition = new Partition(points, this.spread);
      partition.improve(new Random(trial));
      const evidence = partition.evidence();
      if (evidence <= most) continue;
      [most, best] = [evidence, partition.groups()];
    }
    return best;
  }

  private pointOf(frames: FeatureMatrix, loudness: number): Float64Array {
    const place = minus(placeOf(frames, loudness), this.mean);
    return Float64Array.from(this.transform, (row) => row.reduce((sum, value, d) => sum + value * place[d], 0));
  }
}

/** One group: what the evidence of it, and of it with one more, needs. */
class Group {
  count = 0;
  readonly sums: Float64Array;
  private readonly now: Evidence;
  private readonly next: Evidence;

  constructor(private readonly spread: readonly number[]) {
    this.sums = new Float64Array(spread.length);
    this.now = new Evidence(spread);
    this.next = new Evidence(spread);
    this.change(0, this.sums);
  }

  change(count: number, sums: Float64Array): void {
    this.count += count;
    for (let d = 0; d < sums.length; d++) this.sums[d] += count * sums[d];
    this.now.setCount(this.count);
    this.next.setCount(this.count + 1);
  }

  /** How much the evidence grows with a recording. */
  gain(point: Float64Array): number {
    return this.next.of(this.sums, point) - this.evidence();
  }

  evidence(): number {
    return this.now.of(this.sums);
  }

  /** How much it grows when two become one. */
  joinGain(other: Group): number {
    const joined = new Evidence(this.spread);
    joined.setCount(this.count + other.count);
    return joined.of(this.sums, other.sums) - this.evidence() - other.evidence();
  }

  join(other: Group): void {
    for (let d = 0; d < this.sums.length; d++) this.sums[d] += other.sums[d];
    this.count += other.count;
    this.change(0, this.sums);
  }
}

/**
 * log p of n recordings of one speaker over log p of as many of nobody in particular, by their sum s:
 * sum over d of (s² b / (1 + n b) - log(1 + n b)) / 2.
 */
class Evidence {
  private constant = 0;
  private readonly weights: Float64Array;

  constructor(private readonly spread: readonly number[]) {
    this.weights = new Float64Array(spread.length);
  }

  setCount(recordings: number): void {
    const counted = EVIDENCE * recordings;
    this.constant = 0;
    this.spread.forEach((spread, d) => {
      this.weights[d] = (EVIDENCE ** 2 * spread) / (1 + counted * spread) / 2;
      this.constant -= Math.log1p(counted * spread) / 2;
    });
  }

  of(sums: Float64Array, more?: Float64Array): number {
    let sum = this.constant;
    for (let d = 0; d < sums.length; d++) {
      const value = more === undefined ? sums[d] : sums[d] + more[d];
      sum += this.weights[d] * value * value;
    }
    return sum;
  }
}

class Partition {
  private list: Group[] = [];
  private readonly places: (Group | undefined)[];

  constructor(
    private readonly points: readonly Float64Array[],
    private readonly spread: readonly number[],
  ) {
    this.places = points.map(() => undefined);
  }

  improve(random: Random): void {
    for (let round = 0; round < ROUNDS; round++) {
      let moved = false;
      for (const index of random.shuffle(Int32Array.from(this.points.keys()))) moved = this.move(index) || moved;
      this.joinGroups();
      if (!moved) return;
    }
  }

  evidence(): number {
    return this.list.reduce((sum, group) => sum + group.evidence(), 0);
  }

  groups(): Int32Array {
    return Int32Array.from(this.places, (group) => this.list.indexOf(group!));
  }

  /** Puts a recording where it belongs most, alone if nowhere else. */
  private move(index: number): boolean {
    const point = this.points[index];
    const before = this.places[index];
    before?.change(-1, point);
    this.list = this.list.filter(({ count }) => count > 0);
    let best = new Group(this.spread);
    let most = best.gain(point);
    const alone = best;
    for (const group of this.list) {
      const gain = group.gain(point);
      if (gain >= most) [best, most] = [group, gain];
    }
    if (best === alone) this.list.push(best);
    best.change(1, point);
    this.places[index] = best;
    return best !== before;
  }

  private joinGroups(): void {
    for (;;) {
      let best: { one: Group; other: Group } | undefined;
      let most = 0;
      for (const [index, one] of this.list.entries()) {
        for (const other of this.list.slice(index + 1)) {
          const gain = one.joinGain(other);
          if (gain > most) [best, most] = [{ one, other }, gain];
        }
      }
      if (best === undefined) return;
      const { one, other } = best;
      one.join(other);
      this.list.splice(this.list.indexOf(other), 1);
      this.places.forEach((group, index) => {
        if (group === other) this.places[index] = one;
      });
    }
  }
}

/** Where a recording lies: the mean of its loud frames, and that of the quietest fifth. */
function placeOf(frames: FeatureMatrix, loudness: number): number[] {
  const loud = voiceOf([frames], loudness);
  const { values, dimension } = levelled(frames);
  const order = Array.from({ length: frames.frames }, (_, frame) => frame * dimension);
  order.sort((a, b) => values[a] - values[b]);
  const quiet = order.slice(0, Math.max(Math.min(2, order.length), Math.floor(order.length / 5)));
  return [
    ...Array.from({ length: dimension }, (_, d) => loud.mean(d)),
    ...meanOf(quiet.map((at) => Array.from(values.subarray(at, at + dimension)))),
  ];
}

function meanOf(rows: readonly (readonly number[])[]): number[] {
  return rows[0].map((_, d) => rows.reduce((sum, row) => sum + row[d], 0) / rows.length);
}

function minus(one: readonly number[], other: readonly number[]): number[] {
  return one.map((value, d) => value - other[d]);
}

/** Of rows whose mean is zero. */
function covariance(rows: readonly (readonly number[])[]): Matrix {
  const matrix = new Matrix(rows as number[][]);
  return matrix
    .transpose()
    .mmul(matrix)
    .div(Math.max(1, rows.length - 1));
}

/** Of a symmetric matrix: eigenvalues, and for each its vector as a row. */
function eigen(matrix: Matrix): { values: number[]; vectors: number[][] } {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return { values: realEigenvalues, vectors: eigenvectorMatrix.transpose().to2DArray() };
}
