import { InputError } from '@cadenza/core';
import type { Config } from './config.js';
import type { FeaturePipeline } from './features.js';
import { piecesOf } from './symbols.js';
import type { Utterance } from './utterances.js';

/** How many recordings are not trained on, by the first reason that holds. */
export interface DroppedRecordings {
  /** Of files that cannot be read. */
  unreadable: number;
  /** Shorter than a frame. */
  empty: number;
  /** Longer than `data.maximumSeconds`. */
  tooLong: number;
  /** Of fewer stacks of frames than CTC needs for the text. */
  tooShort: number;
}

/** How many steps CTC needs for some labels: one for each, and one for the blank between two equal ones. */
export function alignmentSteps(labels: ArrayLike<unknown>): number {
  let steps = labels.length;
  for (let place = 1; place < labels.length; place++) if (labels[place] === labels[place - 1]) steps++;
  return steps;
}

/**
 * Recordings that have a frame, are not too long and, where CTC learns them, have as many stacks as their texts need. They are measured
 * as they are: what augmentation makes faster or joins may still have fewer, and teaches nothing then, with a loss of 0.
 *
 * @param wanted how many there are, those that could not be read among them
 * @param begun what a resumed run was begun with; one that had such recordings from the start keeps them
 * @throws {InputError} where none is left
 */
export function usable(
  utterances: readonly Utterance[],
  wanted: number,
  config: Config,
  pipeline: FeaturePipeline,
  source: string,
  begun?: { dropped?: Partial<DroppedRecordings> },
): { kept: Utterance[]; dropped: DroppedRecordings } {
  const { data, task, text: texts } = config;
  const heard = utterances.filter(({ frames }) => frames.frames > 0);
  const within = heard.filter(({ seconds }) => seconds <= data.maximumSeconds);
  const keepsAll = task === 'classify' || (begun !== undefined && begun.dropped?.tooShort === undefined);
  const kept = within.filter(
    ({ frames, text }) => keepsAll || alignmentSteps(piecesOf(text, texts.unit)) <= pipeline.stackCount(frames.frames),
  );
  const dropped: DroppedRecordings = {
    unreadable: wanted - utterances.length,
    empty: utterances.length - heard.length,
    tooLong: heard.length - within.length,
    tooShort: within.length - kept.length,
  };
  if (kept.length > 0) return { kept, dropped };
  throw new InputError(
    `Expected recordings of at least ${pipeline.frameSeconds} s and at most data.maximumSeconds ${data.maximumSeconds} s ` +
      `in ${source}, got none of ${wanted}${describeDropped(dropped, config)}`,
  );
}

/** Why recordings are not trained on, for people: in brackets, and nothing where all are. */
export function describeDropped({ unreadable, empty, tooLong, tooShort }: DroppedRecordings, { data }: Config): string {
  const parts = [
    ...(unreadable > 0 ? [`${unreadable} that cannot be read`] : []),
    ...(empty > 0 ? [`${empty} shorter than a frame`] : []),
    ...(tooLong > 0 ? [`${tooLong} longer than data.maximumSeconds ${data.maximumSeconds} s`] : []),
    ...(tooShort > 0 ? [`${tooShort} too short for their texts`] : []),
  ];
  return parts.length === 0 ? '' : ` (dropped: ${parts.join(', ')})`;
}
