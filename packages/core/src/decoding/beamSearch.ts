import type * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { choice, positiveInteger } from '../options.js';
import { extendLink, rankHypothesis, type HypothesisLink } from './hypothesisLink.js';
import { runSearch, type Extension, type SearchStrategy, type SearchView } from './searchLoop.js';
import type { Hypothesis, SearchModel } from './searchModel.js';
import { searchSettings, type SearchOptions } from './searchOptions.js';
import type { SearchSentence } from './searchSentence.js';
import { TopTokens } from './topTokens.js';

/**
 * When a sentence is searched no further, besides when no hypothesis is left to go on:
 *
 *     exact          when no hypothesis that goes on can still get among the nBest: the upper bound of its score, its present
 *                    log-probability over the length penalty at the greatest length, is not above the nBest-th score. The
 *                    result is that of searching to the end.
 *     firstFinished  when the most likely extension of a step ends the sentence, and nBest have ended. Quicker with a length
 *                    penalty, under which longer hypotheses might still have won.
 *     maxLength      at the greatest length only.
 */
export type SearchStopping = 'exact' | 'firstFinished' | 'maxLength';

export interface BeamSearchOptions extends SearchOptions {
  /** K: how many hypotheses of a sentence go on after each step. 1 without a length penalty is greedy search. */
  beamSize: number;
  /** How many hypotheses to give for each sentence, `beamSize` at most; 1 unless told. */
  nBest?: number;
  /** `exact` unless told. */
  stopping?: SearchStopping;
}

/**
 * Beam search over a batch of sentences. Each step orders all extensions of a sentence's hypotheses by log P(Y|X): those among the K
 * best that end are kept as ended, and the K best that do not end go on (so that K always do, where there are so many). Ended
 * hypotheses are ranked by log P(Y|X) / lp(Y) + cp(X; Y) (Wu et al. 2016, eq. 14).
 *
 * Gives for each sentence its hypotheses, best first: nBest, or fewer where there are fewer. Equal ones are in the order in which they
 * were found: shorter first, then by the rank of what they extend, then by token id. A sentence's result does not depend
 * on the others of its batch. Takes turns of the event loop, and throws the signal's reason when aborted.
 */
export async function beamSearch<State>(
  model: SearchModel<State>,
  initialState: State,
  options: BeamSearchOptions,
): Promise<Hypothesis[][]> {
  const settings = searchSettings(options, model.vocabularySize, 'beamSearch', ['beamSize', 'nBest', 'stopping']);
  const beamSize = positiveInteger(options.beamSize, 'beamSize');
  const nBest = positiveInteger(options.nBest ?? 1, 'nBest');
  if (nBest > beamSize) throw new ConfigError(expected('nBest', `at most beamSize ${beamSize}`, nBest));
  const stopping = choice(options.stopping, ['exact', 'firstFinished', 'maxLength'] as const, 'exact', 'stopping');
  return runSearch(model, initialState, settings, new Beam(beamSize, nBest, stopping));
}

/** A token that may follow a hypothesis. */
interface Candidate {
  before: HypothesisLink;
  row: number;
  token: number;
  logProbability: number;
  total: number;
}

class Beam implements SearchStrategy {
  constructor(
    readonly rowsPerSentence: number,
    private readonly nBest: number,
    private readonly stopping: SearchStopping,
  ) {}

  /** 2K: of so many of the best extensions K go on at least, as each of K hypotheses has only one that ends it. */
  private get mostExamined(): number {
    return 2 * this.rowsPerSentence;
  }

  async extend(logits: tf.Tensor2D, view: SearchView): Promise<(Extension | null)[][]> {
    // One row may hold all that go on, and besides them the end.
    const wanted = this.rowsPerSentence + 1;
    const top = await TopTokens.read(logits, view, wanted);
    return view.sentences.map((sentence, place) => {
      const candidates: Candidate[] = [];
      let least = -Infinity;
      sentence.links.forEach((before, slot) => {
        const row = place * view.rows.rowsPerSentence + slot;
        if (before === null) return;
        top.each(place, slot, wanted, (token, logProbability) => {
          const total = before.total + Math.min(logProbability, 0);
          if (total < least) return false;
          candidates.push({ before, row, token, logProbability, total });
          if (candidates.length >= 4 * this.mostExamined) {
            this.keepBest(candidates);
            least = candidates.at(-1)!.total;
          }
          return true;
        });
      });
      this.keepBest(candidates);
      return this.choose(sentence, candidates, view);
    });
  }

  private keepBest(candidates: Candidate[]): void {
    candidates.sort(byTotal);
    if (candidates.length > this.mostExamined) candidates.length = this.mostExamined;
  }

  private choose(sentence: SearchSentence, candidates: readonly Candidate[], view: SearchView): Extension[] {
    const { endToken, ended } = sentence;
    const goOn: Extension[] = [];
    for (let rank = 0; rank < candidates.length && goOn.length < this.rowsPerSentence; rank++) {
      const { before, row, token, logProbability } = candidates[rank];
      const ends = token === endToken;
      if (ends && rank >= this.rowsPerSentence) continue;
      const link = extendLink(before, token, logProbability, view.attentionOf(row));
      if (ends) rankHypothesis(ended, sentence.end(link), this.nBest);
      else goOn.push({ link, row });
    }
    if (candidates.length === 0 && ended.length === 0) this.endWhereNothingFollows(sentence);
    const firstEnds = candidates.length > 0 && candidates[0].token === endToken;
    return goOn.length === 0 || this.isDone(sentence, goOn[0].link, firstEnds) ? [] : goOn;
  }

  /** Bans left no token to any hypothesis: what there is must do. */
  private endWhereNothingFollows(sentence: SearchSentence): void {
    for (const link of sentence.links) if (link) rankHypothesis(sentence.ended, sentence.end(link), this.nBest);
  }

  private isDone(sentence: SearchSentence, best: HypothesisLink, firstEnds: boolean): boolean {
    const { ended } = sentence;
    if (this.stopping === 'maxLength' || ended.length < this.nBest) return false;
    if (this.stopping === 'firstFinished') return firstEnds;
    return !(sentence.upperBound(best.total) > ended[this.nBest - 1].score);
  }
}

/** The likelier first; of equal ones that of the better hypothesis, then the lower id. */
function byTotal(a: Candidate, b: Candidate): number {
  if (a.total !== b.total) return a.total > b.total ? -1 : 1;
  return a.row - b.row || a.token - b.token;
}
