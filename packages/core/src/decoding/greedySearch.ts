import type * as tf from '@tensorflow/tfjs-core';
import { extendLink } from './hypothesisLink.js';
import { runSearch, type Extension, type SearchStrategy, type SearchView } from './searchLoop.js';
import type { Hypothesis, SearchModel } from './searchModel.js';
import { searchSettings, type SearchOptions } from './searchOptions.js';
import { TopTokens } from './topTokens.js';

/**
 * Takes the most likely token at every step, of equal ones the lowest id. Gives one hypothesis a sentence; sentences that have
 * ended leave the batch.
 */
export async function greedySearch<State>(
  model: SearchModel<State>,
  initialState: State,
  options: SearchOptions,
): Promise<Hypothesis[]> {
  const settings = searchSettings(options, model.vocabularySize, 'greedySearch', []);
  const results = await runSearch(model, initialState, settings, new Greedy());
  return results.map(([hypothesis]) => hypothesis);
}

class Greedy implements SearchStrategy {
  readonly rowsPerSentence = 1;

  async extend(logits: tf.Tensor2D, view: SearchView): Promise<(Extension | null)[][]> {
    const top = await TopTokens.read(logits, view, 1);
    return view.sentences.map((sentence, row) => {
      const before = sentence.links[0]!;
      let link = null as typeof before | null;
      top.each(row, 0, 1, (token, logProbability) => {
        link = extendLink(before, token, logProbability, view.attentionOf(row));
        return false;
      });
      if (link !== null && link.token !== sentence.endToken) return [{ link, row }];
      sentence.ended.push(sentence.end(link ?? before));
      return [];
    });
  }
}
