import type { FeatureMatrix } from '@cadenza/audio';
import { findUtterances, longestUtterance, type EndpointingOptions } from './endpointing.js';
import type { FeaturePipeline } from './features.js';

/** What is heard of a recording one by one: all of it, or its utterances. */
export interface CutRecording {
  /** In seconds. */
  spans: { start: number; end: number }[];
  /** Of each, before differences and normalisation. */
  frames: FeatureMatrix[];
}

/** A recording at the pipeline's rate as frames; one that is longer than `maximumUtterance` is cut at its silences. */
export function cutRecording(
  samples: Float32Array,
  pipeline: FeaturePipeline,
  endpointing: EndpointingOptions = {},
): CutRecording {
  const { sampleRate } = pipeline.config;
  const spans =
    samples.length / sampleRate <= (endpointing.maximumUtterance ?? longestUtterance)
      ? [{ start: 0, end: samples.length }]
      : findUtterances(samples, sampleRate, endpointing);
  return {
    spans: spans.map(({ start, end }) => ({ start: start / sampleRate, end: end / sampleRate })),
    frames: spans.map(({ start, end }) => pipeline.extract(samples.subarray(start, end))),
  };
}

/** Values of the parts of recordings, one after another, by recording. */
export function byRecording<T>(recordings: readonly { length: number }[], values: readonly T[]): T[][] {
  let at = 0;
  return recordings.map(({ length }) => values.slice(at, (at += length)));
}
