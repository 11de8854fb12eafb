import {
  addNoise,
  featureMatrix,
  joinFeatures,
  joinSamples,
  perturbSpeed,
  perturbVolume,
  reverberate,
  shelve,
  specAugment,
  type FeatureMatrix,
} from '@cadenza/audio';
import type { Random } from '@cadenza/core';
import type { Config } from './config.js';
import type { FeaturePipeline } from './features.js';
import type { Utterance } from './utterances.js';

export type AugmentationConfig = Config['augmentation'];

/** Whether training changes the sound itself, so that its samples must be kept. */
export function changesSound({ speed, volume, shelf, noise, reverberation, join }: AugmentationConfig): boolean {
  return (
    speed > 0 ||
    volume > 0 ||
    shelf > 0 ||
    noise.probability > 0 ||
    reverberation.probability > 0 ||
    join.recordings > 1
  );
}

/** An example of an epoch: one recording, or some that are joined, and what is drawn for it. */
export interface Example {
  /** The places of its recordings. */
  members: readonly number[];
  /** How many times as fast each is. */
  speeds: readonly number[];
  /** The pauses after each but the last, in seconds. */
  pauses: readonly number[];
  /** Draws all else. */
  random: Random;
}

/** The examples of an epoch, drawn by a generator of its own. */
export function planExamples(utterances: number, { speed, join }: AugmentationConfig, random: Random): Example[] {
  const order = random.shuffle(Int32Array.from({ length: utterances }, (_, index) => index));
  const examples: Example[] = [];
  for (let at = 0; at < order.length;) {
    const joined = join.recordings > 1 && random.next() < join.probability;
    const members = order.subarray(at, at + (joined ? 1 + random.integer(join.recordings) : 1));
    at += members.length;
    examples.push({
      members: Array.from(members),
      speeds: Array.from(members, () => drawSpeed(speed, random)),
      pauses: Array.from(members.slice(1), () => join.pause * random.next()),
      random: random.fork(`example ${at}`),
    });
  }
  return examples;
}

/** A speed of at most so much more or less than 1, in steps of 0.02: resampling by 43:50 takes 50 filters, by 863:1000 a thousand. */
function drawSpeed(most: number, random: Random): number {
  const steps = Math.trunc(most / 0.02 + 1e-9);
  return (50 + random.integer(2 * steps + 1) - steps) / 50;
}

/** How many frames of the network's an example will have, nearly. */
export function exampleLength(
  { members, speeds, pauses }: Example,
  utterances: readonly Utterance[],
  pipeline: FeaturePipeline,
): number {
  const frames = members.reduce((sum, member, place) => sum + utterances[member].frames.frames / speeds[place], 0);
  const silent = pauses.reduce((sum, pause) => sum + pause, 0) / pipeline.frameSeconds;
  return Math.max(1, Math.ceil((frames + silent + 2) / pipeline.config.stride));
}

/**
 * What the network reads of an example: so many views of it, all of the same sound at the same speed, each as of a vocal tract and under masks
 * of its own.
 */
export function realizeExample(
  example: Example,
  utterances: readonly Utterance[],
  pipeline: FeaturePipeline,
  config: AugmentationConfig,
  views = 1,
): FeatureMatrix[] {
  const { random } = example;
  const members = example.members.map((member) => utterances[member]);
  const frames =
    changesSound(config) && members.every(({ samples }) => samples !== undefined)
      ? pipeline.extract(changeSound(example, members, pipeline.config.sampleRate, config))
      : joinFeatures(
          members.map((member, place) => stretch(member.frames, example.speeds[place])),
          members[0].frames.dimension,
        );
  const { anonymous } = config;
  // Of joined recordings nobody is named; see the configuration's checks.
  const named = members.length === 1 && (anonymous === 0 || random.next() >= anonymous);
  const centered = pipeline.center(frames, named ? members[0].voice : undefined);
  return Array.from({ length: views }, () => viewOf(centered, pipeline, config, random));
}

/** Centered frames as of another vocal tract, and less of them. */
function viewOf(
  centered: FeatureMatrix,
  pipeline: FeaturePipeline,
  { vocalTract, mask }: AugmentationConfig,
  random: Random,
): FeatureMatrix {
  const warped = vocalTract > 0 ? pipeline.warp(centered, 1 + vocalTract * (2 * random.next() - 1)) : centered;
  const normalized = pipeline.normalize(pipeline.withDeltas(warped));
  const masked =
    mask.times > 0 || mask.features > 0
      ? specAugment(normalized, random, {
          ...{ timeMasks: mask.times, timeWidth: mask.timeWidth, timePart: mask.timePart },
          ...{ frequencyMasks: mask.features, frequencyWidth: mask.featureWidth, fill: 0 },
        })
      : normalized;
  return pipeline.stack(masked);
}

/** Speed, pauses, volume, microphone, room and noise, in this order. */
function changeSound(
  { speeds, pauses, random }: Example,
  members: readonly Utterance[],
  sampleRate: number,
  { volume, shelf, noise, reverberation }: AugmentationConfig,
): Float32Array {
  const parts = members.flatMap(({ samples: kept }, place) => {
    const samples = kept!.read();
    const said = speeds[place] === 1 ? samples : perturbSpeed(samples, speeds[place]);
    return place < pauses.length ? [said, silence(Math.round(pauses[place] * sampleRate), random)] : [said];
  });
  let sound = joinSamples(parts);
  if (volume > 0) sound = perturbVolume(sound, volume * (2 * random.next() - 1));
  if (shelf > 0) {
    const frequency = sampleRate * (0.08 + 0.22 * random.next());
    sound = shelve(sound, { frequency, decibels: shelf * (2 * random.next() - 1), sampleRate });
  }
  if (random.next() < reverberation.probability) {
    sound = reverberate(sound, random, { sampleRate, decay: reverberation.decay * random.next() });
  }
  if (random.next() < noise.probability) {
    const snr = noise.lowest + (noise.highest - noise.lowest) * random.next();
    sound = addNoise(sound, random, { snr, noise: noise.color });
  }
  return sound;
}

/** A pause is never quite silent: noise of 60 to 100 decibels below the loudest. */
function silence(length: number, random: Random): Float32Array {
  const deviation = 10 ** -(3 + 2 * random.next());
  return Float32Array.from({ length }, () => deviation * random.normal());
}

/** Frames as of the same words said `speed` times as fast, by linear interpolation. */
export function stretch(features: FeatureMatrix, speed: number): FeatureMatrix {
  const { values, frames, dimension } = features;
  if (speed === 1 || frames < 2) return features;
  const length = Math.max(1, Math.round(frames / speed));
  const result = new Float32Array(length * dimension);
  for (let frame = 0; frame < length; frame++) {
    const source = length === 1 ? 0 : (frame * (frames - 1)) / (length - 1);
    const before = Math.min(frames - 2, Math.floor(source));
    const part = source - before;
    for (let d = 0; d < dimension; d++) {
      const value = values[before * dimension + d];
      result[frame * dimension + d] = value + part * (values[(before + 1) * dimension + d] - value);
    }
  }
  return featureMatrix(result, dimension);
}
