import type * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { positiveInteger } from '../options.js';
import { Random } from '../random.js';
import { checkChoiceOptions, choiceOptionNames, chooseToken, type ChoiceOptions } from './chooseToken.js';
import { extendLink, tokensOf, type HypothesisLink } from './hypothesisLink.js';
import { logSoftmax } from './logitsFilters.js';
import { runSearch, type Extension, type SearchStrategy, type SearchView } from './searchLoop.js';
import type { Hypothesis, SearchModel } from './searchModel.js';
import { searchSettings, type SearchOptions } from './searchOptions.js';
import type { SearchSentence } from './searchSentence.js';

export interface SampleSearchOptions extends SearchOptions, Omit<ChoiceOptions, 'bannedTokens'> {
  /** How many sequences to draw for each sentence; 1 unless told. */
  samples?: number;
  /** Of all sentences, or one of each: then a sentence's samples do not depend on its place in the batch. */
  random: Random | readonly Random[];
}

/**
 * Draws sequences for a batch of sentences, several for each side by side. Gives those of each sentence in the order of their
 * numbers. Sample j of sentence i draws from `random.fork('sentence i sample j')`, or from `random[i].fork('sample j')` where each
 * sentence has a generator, so that it is the same whatever the number of samples and wherever the others end. Log-probabilities are the model's, before temperature or any filter.
 */
export async function sampleSearch<State>(
  model: SearchModel<State>,
  initialState: State,
  options: SampleSearchOptions,
): Promise<Hypothesis[][]> {
  const own = ['samples', 'random', ...choiceOptionNames];
  const settings = searchSettings(options, model.vocabularySize, 'sampleSearch', own);
  const { temperature, topK, topP, repetitionPenalty, repetitionWindow } = options;
  const choices = { temperature, topK, topP, repetitionPenalty, repetitionWindow };
  checkChoiceOptions(choices);
  const samples = positiveInteger(options.samples ?? 1, 'samples');
  const generators = generatorsOf(options.random, settings.sentences, samples);
  return runSearch(model, initialState, settings, new Sampler(samples, choices, generators));
}

function generatorsOf(random: Random | readonly Random[], sentences: number, samples: number): Random[][] {
  const forks = (count: number, fork: (index: number) => Random): Random[] =>
    Array.from({ length: count }, (_, index) => fork(index));
  if (random instanceof Random) {
    return Array.from({ length: sentences }, (_, sentence) =>
      forks(samples, (sample) => random.fork(`sentence ${sentence} sample ${sample}`)),
    );
  }
  if (random?.length !== sentences) {
    const requirement = `a generator, or one for each of ${sentences} sentences`;
    throw new ConfigError(expected('random', requirement, random?.length));
  }
  return random.map((own) => forks(samples, (sample) => own.fork(`sample ${sample}`)));
}

class Sampler implements SearchStrategy {
  constructor(
    readonly rowsPerSentence: number,
    private readonly choices: Omit<ChoiceOptions, 'bannedTokens'>,
    private readonly generators: readonly (readonly Random[])[],
  ) {}

  async extend(logits: tf.Tensor2D, view: SearchView): Promise<(Extension | null)[][]> {
    const values = (await logits.data()) as Float32Array; // [R, V]
    const V = logits.shape[1];
    const { rowsPerSentence } = view.rows;
    return view.sentences.map((sentence, place) =>
      Array.from({ length: this.rowsPerSentence }, (_, sample) => {
        const slot = rowsPerSentence === 1 ? 0 : sample; // the first step has one row for all samples
        const row = place * rowsPerSentence + slot;
        const before = sentence.links[slot];
        if (before === null) return null;
        const link = this.draw(values.subarray(row * V, (row + 1) * V), sentence, before, sample, view, row);
        if (link !== null && link.token !== sentence.endToken) return { link, row };
        sentence.ended[sample] = sentence.end(link ?? before);
        return null;
      }),
    );
  }

  /** The hypothesis with one token more, or null where none may follow. */
  private draw(
    logits: Float32Array,
    sentence: SearchSentence,
    before: HypothesisLink,
    sample: number,
    view: SearchView,
    row: number,
  ): HypothesisLink | null {
    const attention = view.attentionOf(row);
    const forced = sentence.forcedToken(view.rows.position);
    if (forced !== undefined) return extendLink(before, forced, logSoftmax(logits)[forced], attention);
    const excluded = sentence.excludedTokens(before);
    if (!logits.some((logit, id) => logit !== -Infinity && !excluded.has(id))) return null;
    const random = this.generators[sentence.index][sample];
    const choices = { ...this.choices, bannedTokens: [...excluded] };
    const { token, logProbability } = chooseToken(logits, tokensOf(before), choices, random);
    return extendLink(before, token, logProbability, attention);
  }
}
