import { NormalizationStatistics, type FeatureMatrix } from '@cadenza/audio';
import { byRecording } from './cutting.js';
import type { FeaturePipeline } from './features.js';
import { partsOf, type Utterance } from './utterances.js';
import { voiceOf, type Voice } from './voices.js';
import { VoiceSpace, type Spoken } from './voiceSpace.js';

/** What training has heard of voices. */
export interface KnownVoices {
  /** That of all recordings, with the weight of a few. */
  usual: Voice;
  /** How voices differ, where speakers enough were named. */
  space?: VoiceSpace;
}

/** As if so many recordings of the usual voice had been heard before a speaker's first: one word says little of a voice. */
const HEARD_BEFORE = 4;

/** Learns what voices are like of recordings. */
export function learnVoices(recordings: readonly Spoken[], loudness: number): KnownVoices {
  const heard = recordings.filter(({ frames }) => frames.frames > 0).map(({ frames }) => frames);
  const all = voiceOf(heard, loudness);
  const usual = new NormalizationStatistics(all.dimension).merge(all, HEARD_BEFORE / heard.length);
  return { usual, space: VoiceSpace.learn(recordings, loudness) };
}

/**
 * Where normalization goes by the speaker, the voice of all of a speaker's recordings among these for each of them. Recordings of nobody
 * named are grouped by who seems to speak, where the pipeline knows how voices differ, and have no voice otherwise.
 */
export function voicesOf(recordings: readonly Spoken[], pipeline: FeaturePipeline): (Voice | undefined)[] {
  const { config, loudness, voices: known } = pipeline;
  if (config.normalization !== 'speaker') return recordings.map(() => undefined);
  const heard = recordings.filter(({ frames }) => frames.frames > 0);
  const unnamed = heard.filter(({ speaker }) => speaker === undefined);
  const groups = known?.space?.group(
    unnamed.map(({ frames }) => frames),
    loudness,
  );
  const speakerOf = new Map<Spoken, string | number | undefined>(heard.map((one) => [one, one.speaker]));
  groups?.forEach((group, index) => speakerOf.set(unnamed[index], group));
  const speakers = new Map<string | number | undefined, FeatureMatrix[]>();
  for (const [{ frames }, speaker] of speakerOf) {
    if (!speakers.has(speaker)) speakers.set(speaker, []);
    speakers.get(speaker)!.push(frames);
  }
  const voices = new Map(Array.from(speakers, ([speaker, own]) => [speaker, pipeline.voiceOf(own)]));
  return recordings.map((recording) => {
    const speaker = speakerOf.get(recording);
    return speaker === undefined ? undefined : voices.get(speaker);
  });
}

/** The recordings with {@link voicesOf} them, and their parts with those of these. */
export function nameVoices<T extends Utterance>(utterances: readonly T[], pipeline: FeaturePipeline): T[] {
  const parts = utterances.map((utterance) => partsOf(utterance).map(({ frames }) => ({ ...utterance, frames })));
  const voices = byRecording(parts, voicesOf(parts.flat(), pipeline));
  return utterances.map((utterance, index) => {
    const [own] = voices[index];
    if (utterance.parts === undefined) return { ...utterance, voice: own };
    // Parts of somebody unknown may seem to be by several.
    const named = utterance.parts.map(({ frames }, part) => ({ frames, voice: voices[index][part] }));
    return { ...utterance, voice: utterance.speaker === undefined ? undefined : own, parts: named };
  });
}
