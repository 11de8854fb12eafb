import {
  featureMatrix,
  readAudio,
  readSphinxFeatures,
  resample,
  type AudioClip,
  type FeatureMatrix,
} from '@cadenza/audio';
import { InputError, eventLoopTurn } from '@cadenza/core';
import type { Recording } from './corpora.js';
import { cutRecording } from './cutting.js';
import { longestUtterance } from './endpointing.js';
import type { FeatureConfig, FeaturePipeline } from './features.js';
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
  /** Its utterances, where it is so long that it is cut at its silences to be recognised. */
  parts?: RecordingPart[];
  /** At the pipeline's rate; absent for features made before, and where only frames are asked for. */
  samples?: KeptSamples;
}

/** What is recognised by itself. */
export interface RecordingPart {
  frames: FeatureMatrix;
  voice?: Voice;
}

/** What is recognised of a recording: its parts, or all of it. */
export function partsOf({ parts, frames, voice }: Pick<Utterance, 'parts' | 'frames' | 'voice'>): RecordingPart[] {
  return parts ?? [{ frames, voice }];
}

export interface LoadOptions {
  /** Reads the sound; one of the pipeline's rate unless told. */
  loader?: SoundLoader;
  /** Where the samples are kept; they are not where it is absent. */
  store?: SampleStore;
  /** Cuts what is too long at its silences, as where it is transcribed. */
  cut?: boolean;
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
  const { loader = new SoundLoader(pipeline.config.sampleRate), store, signal, onProgress } = options;
  const utterances: Utterance[] = [];
  for (const [index, recording] of recordings.entries()) {
    signal?.throwIfAborted();
    const loaded = await loadUtterance(recording, pipeline, loader, options);
    if (loaded !== undefined) {
      const { sound, ...utterance } = loaded;
      // Without room for its samples no recording is at fault: that ends the loading.
      utterances.push(store && sound ? { ...utterance, samples: store.keep(sound) } : utterance);
    }
    onProgress?.(index + 1);
    await eventLoopTurn(); // lets signals through, where parts of one file are read
  }
  return utterances;
}

type LoadedUtterance = Utterance & { sound?: Float32Array };

/** A recording with all its samples; undefined where it cannot be read and that is told of. */
async function loadUtterance(
  recording: Recording,
  pipeline: FeaturePipeline,
  loader: SoundLoader,
  { clean, cut = false, onError }: LoadOptions,
): Promise<LoadedUtterance | undefined> {
  const { id, speaker, text = '', featurePath } = recording;
  const shared = { id, speaker, text: clean(text) };
  try {
    if (featurePath !== undefined) {
      const frames = await readFeatures(featurePath, pipeline);
      return { ...shared, frames, seconds: frames.frames * pipeline.frameSeconds };
    }
    const sound = await loader.load(recording);
    const seconds = sound.length / pipeline.config.sampleRate;
    const loaded: LoadedUtterance = { ...shared, frames: pipeline.extract(sound), seconds, sound };
    if (!cut || seconds <= longestUtterance) return loaded;
    return { ...loaded, parts: cutRecording(sound, pipeline).frames.map((frames) => ({ frames })) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (onError === undefined) throw located(error, recording);
    onError(located(error, recording), recording);
    return undefined;
  }
}

/** What is wrong with a recording, with its name where the line lacks it. */
export function located(error: InputError, { id, audioPath, featurePath }: Recording): InputError {
  const path = (audioPath ?? featurePath)!;
  if (error.message.includes(path)) return error;
  return new InputError(`${error.message}: ${id}`, { code: error.code, cause: error });
}

export async function readFeatures(path: string, pipeline: FeaturePipeline): Promise<FeatureMatrix> {
  checkFeatureFiles([{ featurePath: path }], pipeline.config);
  const dimension = pipeline.frameDimension;
  const { values } = await readSphinxFeatures(path, { dimension: 1 });
  if (values.length % dimension === 0) return featureMatrix(values, dimension);
  throw new InputError(
    `Expected frames of features.cepstra ${dimension} floats, got ${values.length} floats in all: ${path}`,
  );
}

/** Refuses features made before where the configuration makes others of sound. */
export function checkFeatureFiles(
  recordings: readonly Pick<Recording, 'featurePath'>[],
  { kind }: Pick<FeatureConfig, 'kind'>,
): void {
  const path = recordings.find(({ featurePath }) => featurePath !== undefined)?.featurePath;
  if (path === undefined || kind === 'sphinx') return;
  throw new InputError(
    `Expected features.kind sphinx for files of features, got ${kind}, which is made of sound: ${path}`,
  );
}

/** Sound files at one sample rate, mixed to one channel. The last file is kept: a manifest may name many parts of it. */
export class SoundLoader {
  private last?: { path: string; samples: Float32Array };
  private readonly resampled = new Set<number>();

  /** @param onResample is told of a rate that is another, once, with the first recording that has it */
  constructor(
    private readonly sampleRate: number,
    private readonly onResample?: (rate: number, recording: Recording) => void,
  ) {}

  /** The samples of a recording. @throws {InputError} for a file that cannot be read and a part that is not in it */
  async load(recording: Recording): Promise<Float32Array> {
    const { audioPath, offset = 0, duration } = recording;
    const path = audioPath!;
    if (this.last?.path !== path)
      this.last = { path, samples: this.atRate(await readAudio(path, { channels: 'mix' }), recording) };
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

  private atRate({ samples: [samples], sampleRate }: AudioClip, recording: Recording): Float32Array {
    if (sampleRate === this.sampleRate) return samples;
    if (!this.resampled.has(sampleRate)) this.onResample?.(sampleRate, recording);
    this.resampled.add(sampleRate);
    return resample(samples, { from: sampleRate, to: this.sampleRate });
  }
}
