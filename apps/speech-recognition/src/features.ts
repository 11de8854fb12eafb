import {
  appendDeltas,
  FeatureExtractor,
  featurePreset,
  lifterWeights,
  NormalizationStatistics,
  normalizeUtterance,
  RunningNormalizer,
  stackFeatures,
  warpVocalTract,
  type FeatureMatrix,
  type FeatureOptions,
} from '@cadenza/audio';
import { InputError } from '@cadenza/core';
import type { Config } from './config.js';
import { type KnownVoices } from './speakers.js';
import { voiceOf, withoutVoice, type Voice } from './voices.js';

export type FeatureConfig = Config['features'];

/** The options of the first step, from samples to cepstra or bands. */
export function extractorOptions({ kind, sampleRate, bands, cepstra, lowest, highest }: FeatureConfig): FeatureOptions {
  const mel = { bands, lowest, highest };
  if (kind === 'filterbank') return featurePreset('kaldi-fbank', sampleRate, { mel });
  return featurePreset(kind === 'sphinx' ? 'sphinx-mfcc' : 'kaldi-mfcc', sampleRate, {
    mel,
    cepstra: { count: cepstra },
  });
}

/**
 * The way from sound to what the network reads: cepstra or bands of frames, their differences, normalisation, stacks of frames. Training
 * augments between the first step and the others.
 */
export class FeaturePipeline {
  private readonly extractor: FeatureExtractor;

  /**
   * @param statistics of the training part, for the normalization by it
   * @param voices what the training part's are like, for the normalization by speakers
   */
  constructor(
    readonly config: FeatureConfig,
    readonly statistics?: NormalizationStatistics,
    readonly voices?: KnownVoices,
  ) {
    this.extractor = new FeatureExtractor(extractorOptions(config));
    if ((config.normalization === 'training' || config.normalization === 'speaker') && statistics === undefined) {
      throw new InputError(
        `Expected statistics of the training part with features.normalization ${config.normalization}, got none`,
      );
    }
  }

  /** D of a frame before differences and stacks. */
  get frameDimension(): number {
    return this.extractor.dimension;
  }

  /** D of what the network reads. */
  get dimension(): number {
    return this.frameDimension * (1 + this.config.deltas) * this.config.stack;
  }

  /** The options of the first step, defaults resolved. */
  get frameOptions(): FeatureOptions {
    return this.extractor.options;
  }

  /** In seconds. */
  get frameSeconds(): number {
    return this.extractor.options.frameShift / this.config.sampleRate;
  }

  /** How long a stack of the network's is, in seconds. */
  get stackSeconds(): number {
    return this.frameSeconds * this.config.stride;
  }

  /** How many stacks the network reads of so many frames. */
  stackCount(frames: number): number {
    return Math.ceil(frames / this.config.stride);
  }

  /** The first step: samples at the pipeline's rate to frames. */
  extract(samples: Float32Array): FeatureMatrix {
    return this.extractor.extract(samples);
  }

  /** The first step for samples that arrive in pieces. */
  extractStream(): ReturnType<FeatureExtractor['stream']> {
    return this.extractor.stream();
  }

  /** A normaliser of frames that arrive in pieces, in the way of {@link finish}. */
  runningNormalizer(): RunningNormalizer {
    return new RunningNormalizer(this.frameDimension, { variance: this.config.variance, prior: this.statistics });
  }

  /**
   * The other steps: frames to what the network reads.
   *
   * @param voice of the speaker; of these frames when absent
   * @param vocalTract how long the speaker's vocal tract shall seem, in parts of what it is
   */
  finish(frames: FeatureMatrix, voice?: Voice, vocalTract = 1): FeatureMatrix {
    return this.stack(this.normalize(this.withDeltas(this.warp(this.center(frames, voice), vocalTract))));
  }

  /** Cepstra as of a vocal tract so many times as long. */
  warp(cepstra: FeatureMatrix, factor: number): FeatureMatrix {
    if (factor === 1) return cepstra;
    const { kind, sampleRate } = this.config;
    const { mel } = this.frameOptions;
    const scale = cepstralScale(kind, this.frameOptions);
    return warpVocalTract(cepstra, factor, {
      ...{ bands: mel.bands, lowest: mel.lowest, scale },
      highest: mel.highest > 0 ? mel.highest : sampleRate / 2,
    });
  }

  /** Frames without what their speaker's voice gives to all of them, where normalization goes by the speaker. */
  center(frames: FeatureMatrix, voice?: Voice): FeatureMatrix {
    if (this.config.normalization !== 'speaker' || frames.frames === 0) return frames;
    return withoutVoice(frames, voice ?? this.voiceOf([frames]));
  }

  /** The voice of one speaker's recordings, as if some of the usual voice had been heard before them. */
  voiceOf(recordings: readonly FeatureMatrix[]): Voice {
    const voice = voiceOf(recordings, this.loudness);
    return this.voices ? voice.merge(this.voices.usual) : voice;
  }

  /** How much of the first coefficient a tenfold power is: that of bands which all grow tenfold. */
  get loudness(): number {
    return Math.LN10 * Math.sqrt(this.config.bands) * cepstralScale(this.config.kind, this.frameOptions)[0];
  }

  withDeltas(frames: FeatureMatrix): FeatureMatrix {
    const { deltas } = this.config;
    return deltas === 0 || frames.frames === 0 ? frames : appendDeltas(frames, { times: deltas as 1 | 2 });
  }

  normalize(frames: FeatureMatrix): FeatureMatrix {
    const { normalization, variance } = this.config;
    if (normalization === 'none' || frames.frames === 0) return frames;
    if (normalization === 'utterance') return normalizeUtterance(frames, { variance });
    if (normalization === 'training' || normalization === 'speaker')
      return this.statistics!.apply(frames, { variance });
    return this.runningNormalizer().push(frames);
  }

  stack(frames: FeatureMatrix): FeatureMatrix {
    const { stack, stride } = this.config;
    return stackFeatures(frames, { size: stack, stride });
  }
}

/** What each coefficient is a multiple of in an orthonormal cosine transform: by the lifter, or by Sphinx's norm. */
export function cepstralScale(kind: FeatureConfig['kind'], { mel, cepstra }: FeatureOptions): number[] {
  if (kind !== 'sphinx') return Array.from(lifterWeights(cepstra.count, cepstra.lifter, cepstra.lifterShift));
  return Array.from({ length: cepstra.count }, (_, k) => (k === 0 ? 1 : Math.SQRT1_2) / Math.sqrt(mel.bands));
}
