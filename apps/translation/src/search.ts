import {
  beamSearch,
  ensemble,
  greedySearch,
  maximumLengths,
  sampleSearch,
  SequenceSearch,
  type Hypothesis as FoundTokens,
  type LengthPenalty,
  type Random,
  type SearchModel,
  type SearchOptions,
  type SequenceToSequence,
} from '@cadenza/core';
import { BOS_ID, EOS_ID, PAD_ID, UNK_ID } from '@cadenza/text';
import * as tf from '@tensorflow/tfjs-core';
import { sourceTensors } from './batches.js';
import { beamOf, type TranslateOptions } from './translationOptions.js';

/**
 * Searches for the target tokens of source sentences, all at once, with one model or the average of several.
 * @param random where they are drawn, the generator of each sentence
 */
export async function searchBatch(
  models: readonly SequenceToSequence[],
  sources: readonly Int32Array[],
  options: TranslateOptions,
  random: readonly Random[] = [],
): Promise<FoundTokens[][]> {
  const batch = sourceTensors(sources);
  const states = models.map((model) => model.start(batch));
  const searches = models.map((model) => new SequenceSearch(model));
  const common = searchOptions(sources, options);
  const run = <State>(model: SearchModel<State>, state: State): Promise<FoundTokens[][]> =>
    runSearch(model, state, common, options, random);
  try {
    return await (models.length === 1 ? run(searches[0], states[0]) : run(ensemble(searches), states));
  } finally {
    states.forEach((state, index) => models[index].disposeStart(state));
    tf.dispose([batch.source, batch.sourceLengths]);
  }
}

async function runSearch<State>(
  model: SearchModel<State>,
  state: State,
  common: SearchOptions,
  options: TranslateOptions,
  random: readonly Random[],
): Promise<FoundTokens[][]> {
  const { nBest = 1, sample } = options;
  const beam = beamOf(options);
  if (sample !== undefined) return sampleSearch(model, state, { ...common, ...sample, samples: nBest, random });
  if (beam > 1 || nBest > 1) return beamSearch(model, state, { ...common, beamSize: beam, nBest });
  return (await greedySearch(model, state, common)).map((hypothesis) => [hypothesis]);
}

/** More tokens than any search takes, few enough for an int32. */
const LONGEST = 2 ** 30;

function searchOptions(sources: readonly Int32Array[], options: TranslateOptions): SearchOptions {
  const { lengthPenalty = 1, coveragePenalty = 0, noRepeatNgram = 0 } = options;
  const minLength = Math.min(options.minLength ?? 0, LONGEST);
  const maxLength = options.maxLength === undefined ? undefined : Math.min(options.maxLength, LONGEST);
  const sourceLengths = Int32Array.from(sources, ({ length }) => length);
  // Where no most is told, a least that is counts for more than what the source's length suggests.
  const longest =
    maxLength === undefined
      ? maximumLengths(sourceLengths).map((length) => Math.max(length, minLength))
      : sourceLengths.map(() => maxLength);
  const penalty: LengthPenalty = lengthPenalty === 0 ? { kind: 'none' } : { kind: 'gnmt', alpha: lengthPenalty };
  return {
    sentences: sources.length,
    startToken: BOS_ID,
    endToken: EOS_ID,
    maxLength: longest,
    minLength: longest.map((most) => Math.min(minLength, most)),
    bannedTokens: options.replaceUnknown ? [PAD_ID, BOS_ID] : [PAD_ID, BOS_ID, UNK_ID],
    noRepeatNgramSize: noRepeatNgram,
    lengthPenalty: penalty,
    coveragePenalty,
    sourceLengths,
    returnAttention: (options.alignment ?? false) || (options.replaceUnknown ?? false),
    signal: options.signal,
  };
}
