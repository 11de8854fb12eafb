import { NormalizationStatistics, type FeatureMatrix } from '@cadenza/audio';
import type { FeaturePipeline } from './features.js';
import type { Utterance } from './utterances.js';
import { voiceOf, type Voice } from './voices.js';
import { VoiceSpace, type Spoken } from './voiceSpace.js';

/** What training has heard of voices. */
export interface KnownVoices {
  /** That of all recordings, with the weight of a few. */
  usual: Voice;
  /** How voices differ, where speakers enough were named. */
  space?: VoiceSpace;
}

/** How many recordings of the usual voice are taken for heard before a speaker's first where nobody is named. */
const HEARD_BEFORE = 4;
/** The same at most, where speakers hardly differ. */
const MOST_BEFORE = 100;

/**
 * Learns what voices are like of recordings. Every voice begins with the usual one, as if some recordings of it had been heard before: as
 * many as make the mean of a speaker's the best guess of the voice, some four single words or one sentence (the ratio of the variances within
 * speakers and between them, Gauvain and Lee 1994).
 */
export function learnVoices(recordings: readonly Spoken[], loudness: number): KnownVoices {
  const heard = recordings.filter(({ frames }) => frames.frames > 0);
  const all = voiceOf(
    heard.map(({ frames }) => frames),
    loudness,
  );
  const before = varianceRatio(heard, loudness) ?? HEARD_BEFORE;
  const usual = new NormalizationStatistics(all.dimension).merge(all, before / heard.length);
  return { usual, space: VoiceSpace.learn(recordings, loudness) };
}

/**
 * How much recordings of a speaker differ beside how much speakers do, over all coefficients, each in its own measure; undefined where too few
 * speakers are named to tell.
 */
function varianceRatio(recordings: readonly Spoken[], loudness: number): number | undefined {
  const speakers = new Map<string, Voice[]>();
  for (const { speaker, frames } of recordings) {
    if (speaker === undefined) continue;
    if (!speakers.has(speaker)) speakers.set(speaker, []);
    speakers.get(speaker)!.push(voiceOf([frames], loudness));
  }
  const voices = [...speakers.values()];
  const count = voices.reduce((sum, { length }) => sum + length, 0);
  if (voices.length < 3 || count < 2 * voices.length) return undefined;
  let [within, between] = [0, 0];
  for (let d = 0; d < voices[0][0].dimension; d++) {
    const means = voices.map((own) => own.map((voice) => voice.mean(d)));
    const centers = means.map(average);
    const inside = means.flatMap((own, speaker) => own.map((value) => (value - centers[speaker]) ** 2));
    const w = sum(inside) / (count - voices.length);
    const center = average(centers);
    const apart = sum(centers.map((value) => (value - center) ** 2)) / (voices.length - 1);
    // The centers differ by chance too, by as much as the mean of so many recordings does.
    const b = Math.max(0, apart - (w * sum(means.map(({ length }) => 1 / length))) / voices.length);
    if (w + b === 0) continue;
    within += w / (w + b);
    between += b / (w + b);
  }
  return between > 0 ? Math.min(within / between, MOST_BEFORE) : MOST_BEFORE;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const average = (values: readonly number[]): number => sum(values) / values.length;

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

/** The recordings with {@link voicesOf} them. */
export function nameVoices<T extends Utterance>(utterances: readonly T[], pipeline: FeaturePipeline): T[] {
  const voices = voicesOf(utterances, pipeline);
  return utterances.map((utterance, index) => ({ ...utterance, voice: voices[index] }));
}
