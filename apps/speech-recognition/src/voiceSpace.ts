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
  evidence: z.number().gt(0).max(1).default(0.05),
});

/**
 * How much of the evidence may count: what recordings of one speaker have in common besides the voice, such as their words, is no
 * evidence of another speaker, although the model thinks so (Landini et al. 2022, the factor F_A). The first is taken where there are too
 * few speakers to try them with.
 */
const EVIDENCES = [0.05, 0.1, 0.2, 0.4, 0.7, 1] as const;

/** Speakers are grouped with the space of the others, a part of so many at a time. */
const FOLDS = 3;

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
    /** How much of the evidence counts. */
    readonly evidence: number,
  ) {}

  /**
   * Learns it of recordings whose speakers are named, and how much of the evidence may count: as much as groups the recordings of
   * speakers best whom it has not heard, by the squared distance of each group's mean voice to the speaker's, over all recordings.
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
    const space = VoiceSpace.learnOf(places, EVIDENCES[0]);
    return space === undefined ? undefined : space.counting(bestEvidence(new Random(0).shuffle(places)));
  }

  /** @param places of the recordings of each speaker */
  static learnOf(places: readonly number[][][], evidence: number): VoiceSpace | undefined {
    const count = places.reduce((sum, { length }) => sum + length, 0);
    const dimension = places[0]?.[0].length ?? 0;
    if (places.length < 3 || count - places.length < 2 * dimension) return undefined;
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
      evidence,
    );
  }

  /** The same space, in which another part of the evidence counts. */
  counting(evidence: number): VoiceSpace {
    return new VoiceSpace(this.mean, this.transform, this.spread, evidence);
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
    return new VoiceSpace(data.mean, data.transform, data.spread, data.evidence);
  }

  toJSON(): z.infer<typeof schema> {
    const transform = this.transform.map((row) => [...row]);
    return { mean: [...this.mean], transform, spread: [...this.spread], evidence: this.evidence };
  }

  /**
   * Groups recordings by who seems to speak: the partition of greatest evidence that is found by moving single recordings and by joining
   * groups. With little to go by there is one group.
   *
   * @returns the group of each recording, in the order given
   */
  group(recordings: readonly FeatureMatrix[], loudness: number): Int32Array {
    return this.groupPoints(recordings.map((frames) => this.pointOf(placeOf(frames, loudness))));
  }

  /** The same of recordings' {@link pointOf}. */
  groupPoints(points: readonly Float64Array[]): Int32Array {
    let best: Int32Array = new Int32Array(points.length);
    let most = -Infinity;
    for (let trial = 0; trial < TRIALS; trial++) {
      const partition = new Partition(points, this.spread, this.evidence);
      partition.improve(new Random(trial));
      const evidence = partition.evidence();
      if (evidence <= most) continue;
      [most, best] = [evidence, partition.groups()];
    }
    return best;
  }

  /** Where a place lies in the space's coordinates. */
  pointOf(place: readonly number[]): Float64Array {
    const apart = minus(place, this.mean);
    return Float64Array.from(this.transform, (row) => row.reduce((sum, value, d) => sum + value * apart[d], 0));
  }
}

/** Of {@link EVIDENCES} the one that groups speakers best whom the space has not heard, the smaller of equals. */
function bestEvidence(speakers: readonly number[][][]): number {
  const errors = EVIDENCES.map(() => 0);
  for (let fold = 0; fold < FOLDS; fold++) {
    const heard = speakers.filter((_, index) => index % FOLDS === fold);
    const others = speakers.filter((_, index) => index % FOLDS !== fold);
    const space = VoiceSpace.learnOf(others, EVIDENCES[0]);
    if (heard.length < 2 || space === undefined) return EVIDENCES[0];
    const points = heard.map((places) => places.map((place) => space.pointOf(place)));
    const truth = points.flatMap((own, speaker) => own.map(() => speaker));
    EVIDENCES.forEach((evidence, index) => {
      errors[index] += errorOf(space.counting(evidence).groupPoints(points.flat()), truth, points.flat());
    });
  }
  return EVIDENCES[errors.indexOf(Math.min(...errors))];
}

/** The squared distances between what the groups of recordings have for their mean and what their speakers have. */
function errorOf(groups: ArrayLike<number>, speakers: ArrayLike<number>, points: readonly Float64Array[]): number {
  const [found, wanted] = [groups, speakers].map((labels) => {
    const members = new Map<number, Float64Array[]>();
    points.forEach((point, index) => {
      if (!members.has(labels[index])) members.set(labels[index], []);
      members.get(labels[index])!.push(point);
    });
    return new Map(Array.from(members, ([label, own]) => [label, meanOf(own)]));
  });
  return points.reduce((sum, _, index) => {
    const [mean, voice] = [found.get(groups[index])!, wanted.get(speakers[index])!];
    return sum + mean.reduce((distance, value, d) => distance + (value - voice[d]) ** 2, 0);
  }, 0);
}

/** One group: what the evidence of it, and of it with one more, needs. */
class Group {
  count = 0;
  readonly sums: Float64Array;
  private readonly now: Evidence;
  private readonly next: Evidence;

  constructor(
    private readonly spread: readonly number[],
    private readonly factor: number,
  ) {
    this.sums = new Float64Array(spread.length);
    this.now = new Evidence(spread, factor);
    this.next = new Evidence(spread, factor);
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
    const joined = new Evidence(this.spread, this.factor);
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

  constructor(
    private readonly spread: readonly number[],
    private readonly factor: number,
  ) {
    this.weights = new Float64Array(spread.length);
  }

  setCount(recordings: number): void {
    const counted = this.factor * recordings;
    this.constant = 0;
    this.spread.forEach((spread, d) => {
      this.weights[d] = (this.factor ** 2 * spread) / (1 + counted * spread) / 2;
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
    private readonly factor: number,
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
    let best = new Group(this.spread, this.factor);
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

function meanOf(rows: readonly ArrayLike<number>[]): number[] {
  return Array.from(rows[0], (_, d) => rows.reduce((sum, row) => sum + row[d], 0) / rows.length);
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
