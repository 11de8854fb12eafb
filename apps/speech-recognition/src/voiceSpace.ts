import type { FeatureMatrix } from '@cadenza/audio';
import { InputError, Random } from '@cadenza/core';
import { Matrix } from 'ml-matrix';
import { z } from 'zod';
import { covariance, eigen, meanOf, minus } from './covariance.js';
import { partitionPoints } from './speakerPartition.js';
import { bestEvidence, LEAST_EVIDENCE } from './voiceEvidence.js';
import { placeOf } from './voices.js';

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

/** How much of the covariance between speakers is kept beside its diagonal, where there are few of them. */
const KEPT = 0.7;

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
    const space = VoiceSpace.learnOf(places);
    return space === undefined
      ? undefined
      : space.counting(bestEvidence(new Random(0).shuffle(places), VoiceSpace.learnOf));
  }

  /** @param places of the recordings of each speaker */
  static learnOf(this: void, places: readonly number[][][]): VoiceSpace | undefined {
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
      LEAST_EVIDENCE,
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
    const sizes = [data?.spread, data?.transform, ...(data?.transform ?? [])].map((list) => list?.length);
    if (!success || sizes.some((size) => size !== dimension)) {
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
    return partitionPoints(points, this.spread, this.evidence);
  }

  /** Where a place lies in the space's coordinates. */
  pointOf(place: readonly number[]): Float64Array {
    const apart = minus(place, this.mean);
    return Float64Array.from(this.transform, (row) => row.reduce((sum, value, d) => sum + value * apart[d], 0));
  }
}
