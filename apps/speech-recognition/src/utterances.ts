import {
  featureMatrix,
  readAudio,
  readSphinxFeatures,
  resample,
  type AudioClip,
  type FeatureMatrix,
} from '@cadenza/audio';
import { InputError } from '@cadenza/core';
import type { Recording } from './corpora.js';
import type { FeaturePipeline } from './features.js';
import type { KeptSamples, SampleStore } from './sampleStore.js';
import type { Voice } from './voices.js';

/** A recording: its frames before differences and normalisation, and where training changes the sound, its samples. */
export interface Utterance {
  id: string;
  speaker?: string;
  /** Clean, as the model's symbols write it. */
  text: string;
  seconds: number;
  frames: FeatureMatrix;
  /** Of the speaker, where one is named and normalization goes by it. */
  voice?: Voice;
  /** At the pipeline's rate; absent for features made before, and where only frames are asked for. */
  samples?: KeptSamples;
}

export interface LoadOptions {
  /** Where the samples are kept; they are not where it is absent. */
  store?: SampleStore;
  /** How a text becomes that of the model. */
  clean: (text: string) => string;
  /** A recording that cannot be read ends the loading with its error (when absent), or is told of here and left out. */
  onError?: (error: InputError, recording: Recording) => void;
  onProgress?: (done: number) => void;
  signal?: AbortSignal;
}

/** Reads recordings, one after another. */
export async function loadUtterances(
  recordings: readonly Recording[],
  pipeline: FeaturePipeline,
  options: LoadOptions,
): Promise<Utterance[]> {
  const loader = new SoundLoader(pipeline.config.sampleRate);
  const utterances: Utterance[] = [];
  for (const [index, recording] of recordings.entries()) {
    options.signal?.throwIfAborted();
    try {
      utterances.push(await loadUtterance(recording, pipeline, loader, options));
    } catch (error) {
      if (options.onError === undefined || !(error instanceof InputError)) throw error;
      options.onError(error, recording);
    }
    options.onProgress?.(index + 1);
    await new Promise((resolve) => setImmediate(resolve)); // lets signals through, where parts of one file are read
  }
  return utterances;
}

async function loadUtterance(
  recording: Recording,
  pipeline: FeaturePipeline,
  loader: SoundLoader,
  { store, clean }: LoadOptions,
): Promise<Utterance> {
  const { id, speaker, text = '' } = recording;
  const shared = { id, speaker, text: clean(text) };
  if (recording.featurePath !== undefined) {
    const frames = await readFeatures(recording.featurePath, pipeline);
    return { ...shared, frames, seconds: frames.frames * pipeline.frameSeconds };
  }
  const samples = await loader.load(recording);
  const frames = pipeline.extract(samples);
  const seconds = samples.length / pipeline.config.sampleRate;
  return { ...shared, frames, seconds, ...(store ? { samples: store.keep(samples) } : {}) };
}

export async function readFeatures(path: string, pipeline: FeaturePipeline): Promise<FeatureMatrix> {
  if (pipeline.config.kind !== 'sphinx') {
    throw new InputError(
      `Expected features.kind sphinx for files of features, got ${pipeline.config.kind}, which is made of sound: ${path}`,
    );
  }
  const dimension = pipeline.frameDimension;
  const { values } = await readSphinxFeatures(path, { dimension: 1 });
  if (values.length % dimension === 0) return featureMatrix(values, dimension);
  throw new InputError(
    `Expected frames of features.cepstra ${dimension} floats, got ${values.length} floats in all: ${path}`,
  );
}

/** Sound files at one sample rate, mixed to one channel. The last file is kept: a manifest may name many parts of it. */
export class SoundLoader {
  private last?: { path: string; samples: Float32Array };
  /** The rates of sound that was resampled. */
  readonly resampled = new Set<number>();

  constructor(private readonly sampleRate: number) {}

  /** The samples of a recording. @throws {InputError} for a file that cannot be read and a part that is not in it */
  async load({ audioPath, offset = 0, duration }: Recording): Promise<Float32Array> {
    const path = audioPath!;
    if (this.last?.path !== path)
      this.last = { path, samples: this.atRate(await readAudio(path, { channels: 'mix' })) };
    const { samples } = this.last;
    if (offset === 0 && duration === undefined) return samples;
    const from = Math.round(offset * this.sampleRate);
    const to = duration === undefined ? samples.length : from + Math.round(duration * this.sampleRate);
    // Durations are rounded in manifests, so a little more than there is does not matter; but the beginning must be there.
    if (from >= samples.length && from > 0) {
      const seconds = (samples.length / this.sampleRate).toFixed(3);
      throw new InputError(`Expected offset to lie in the sound of ${seconds} s, got ${offset}: ${path}`);
    }
    // A copy, so that a part that is kept does not keep the whole file.
    return from === 0 && to >= samples.length ? samples : samples.slice(from, Math.min(to, samples.length));
  }

  private atRate({ samples: [samples], sampleRate }: AudioClip): Float32Array {
    if (sampleRate === this.sampleRate) return samples;
    this.resampled.add(sampleRate);
    return resample(samples, { from: sampleRate, to: this.sampleRate });
  }
}
