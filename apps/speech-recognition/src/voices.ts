import { featureMatrix, NormalizationStatistics, type FeatureMatrix } from '@cadenza/audio';
import { meanOf } from './covariance.js';

/** Statistics of a speaker's cepstra, the loud frames before all: by their mean, what voice and microphone leave of all that is said. */
export type Voice = NormalizationStatistics;

/**
 * The statistics over recordings of one speaker (as in cepstral mean normalisation, Furui 1981), in which a frame counts by its amplitude
 * beside the loudest of its recording: what is said counts, and pauses do not, however long they are.
 *
 * @param recordings cepstra, each frame with its loudness first; at least one frame in all
 * @param loudness how much of the first coefficient a tenfold power is
 */
export function voiceOf(recordings: readonly FeatureMatrix[], loudness: number): Voice {
  const voice = new NormalizationStatistics(recordings[0].dimension);
  for (const { values, dimension } of recordings.map(levelled)) {
    for (let at = 0; at < values.length; at += dimension) {
      voice.addFrame(values, at, 10 ** (values[at] / loudness / 2)); // of amplitudes, 1 for the loudest
    }
  }
  return voice;
}

/** The cepstra with the loudest frame's first coefficient zero: how loud a recording is says nothing of its words. */
export function levelled(features: FeatureMatrix): FeatureMatrix {
  const { values, dimension } = features;
  const result = values.slice();
  let loudest = -Infinity;
  for (let at = 0; at < values.length; at += dimension) loudest = Math.max(loudest, values[at]);
  for (let at = 0; at < values.length; at += dimension) result[at] -= loudest;
  return featureMatrix(result, dimension);
}

/** The cepstra at one level, less a voice. */
export function withoutVoice(features: FeatureMatrix, voice: Voice): FeatureMatrix {
  return voice.apply(levelled(features), { variance: false });
}

/** Where a recording lies: the mean of its loud frames, and that of the quietest fifth. */
export function placeOf(frames: FeatureMatrix, loudness: number): number[] {
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
