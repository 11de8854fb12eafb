import { meanOf } from './covariance.js';
import type { VoiceSpace } from './voiceSpace.js';

/**
 * How much of the evidence may count: what recordings of one speaker have in common besides the voice, such as their words, is no
 * evidence of another speaker, although the model thinks so (Landini et al. 2022, the factor F_A).
 */
const EVIDENCES = [0.05, 0.1, 0.2, 0.4, 0.7, 1] as const;

/** What is taken where there are too few speakers to try the others with. */
export const [LEAST_EVIDENCE] = EVIDENCES;

/** Speakers are grouped with the space of the others, a part of so many at a time. */
const FOLDS = 3;

/**
 * Of {@link EVIDENCES} the one that groups speakers best whom the space has not heard, the smaller of equals.
 *
 * @param speakers the places of each one's recordings
 * @param learn a space of some of them
 */
export function bestEvidence(
  speakers: readonly number[][][],
  learn: (speakers: readonly number[][][]) => VoiceSpace | undefined,
): number {
  const errors = EVIDENCES.map(() => 0);
  for (let fold = 0; fold < FOLDS; fold++) {
    const heard = speakers.filter((_, index) => index % FOLDS === fold);
    const others = speakers.filter((_, index) => index % FOLDS !== fold);
    const space = learn(others);
    if (heard.length < 2 || space === undefined) return LEAST_EVIDENCE;
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
