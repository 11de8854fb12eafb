import * as tf from '@tensorflow/tfjs-core';
import { ConfigError } from '../errors.js';
import { assertShape } from '../shapes.js';
import { TurnTaker } from './eventLoop.js';
import type { HypothesisLink } from './hypothesisLink.js';
import type { Hypothesis, SearchModel, SearchRows } from './searchModel.js';
import type { SearchSettings } from './searchOptions.js';
import { SearchSentence } from './searchSentence.js';

/** How long a search keeps the event loop to itself. */
const TURN_MILLISECONDS = 20;

/** One step as a search sees it. */
export interface SearchView {
  /** The sentences still searched, in the order of their rows. */
  sentences: readonly SearchSentence[];
  rows: SearchRows;
  /** [S], the attention of a row, where the search needs it. */
  attentionOf: (row: number) => Float32Array | undefined;
}

/** A hypothesis that goes on, and the row of the step that it comes from. */
export interface Extension {
  link: HypothesisLink;
  row: number;
}

/** How hypotheses grow: what tells greedy, beam and sampling apart. */
export interface SearchStrategy {
  /** K, the rows of a sentence from its second step on. */
  readonly rowsPerSentence: number;
  /**
   * Reads the logits of a step, [R, V], and gives for each sentence of the view what its rows hold next, K at most. The sentence is
   * searched no further where that is nothing.
   */
  extend(logits: tf.Tensor2D, view: SearchView): Promise<(Extension | null)[][]>;
}

/** Runs a model step by step, until the strategy has ended all sentences; gives the hypotheses of each. */
export async function runSearch<State>(
  model: SearchModel<State>,
  initialState: State,
  settings: SearchSettings,
  strategy: SearchStrategy,
): Promise<Hypothesis[][]> {
  const all = Array.from({ length: settings.sentences }, (_, index) => new SearchSentence(index, settings));
  const turns = new TurnTaker(TURN_MILLISECONDS);
  const walk = new SearchWalk(model, initialState, all, settings);
  try {
    while (walk.goesOn) {
      if (turns.due) await turns.take();
      settings.signal?.throwIfAborted();
      await walk.step(strategy);
    }
  } finally {
    walk.dispose();
  }
  return all.map((sentence) => sentence.hypotheses());
}

/** A model on its way through the sentences: rows, the tokens they read next, and the newest state. */
class SearchWalk<State> {
  private own = false;
  private rowsPerSentence = 1;
  private position = 0;
  private tokens: Int32Array;

  constructor(
    private readonly model: SearchModel<State>,
    private state: State,
    private sentences: readonly SearchSentence[],
    private readonly settings: SearchSettings,
  ) {
    this.tokens = new Int32Array(sentences.length).fill(settings.startToken);
  }

  get goesOn(): boolean {
    return this.sentences.length > 0;
  }

  async step(strategy: SearchStrategy): Promise<void> {
    const rows = this.rows();
    const { logits, state, attention } = this.model.step(this.tokens, this.state, rows);
    this.replace(state);
    let next: (Extension | null)[][];
    try {
      assertShape(logits, [this.tokens.length, this.model.vocabularySize], 'logits');
      const attentionOf = await this.readAttention(attention);
      next = await strategy.extend(logits, { sentences: this.sentences, rows, attentionOf });
    } finally {
      tf.dispose([logits, ...(attention ? [attention] : [])]);
    }
    this.goOn(next, strategy.rowsPerSentence);
  }

  dispose(): void {
    if (this.own) this.model.dispose(this.state);
    this.own = false;
  }

  private rows(): SearchRows {
    const { rowsPerSentence, position } = this;
    const sentences = Int32Array.from(this.sentences, (sentence) => sentence.index);
    const sentenceOfRow = new Int32Array(sentences.length * rowsPerSentence);
    sentences.forEach((index, place) =>
      sentenceOfRow.fill(index, place * rowsPerSentence, (place + 1) * rowsPerSentence),
    );
    return { sentenceOfRow, sentences, rowsPerSentence, position };
  }

  private async readAttention(attention: tf.Tensor2D | undefined): Promise<(row: number) => Float32Array | undefined> {
    const { returnAttention, coveragePenalty, sourceLengths } = this.settings;
    if (!returnAttention && coveragePenalty === 0) return () => undefined;
    const needed = returnAttention ? 'returnAttention' : 'coveragePenalty';
    if (!attention) throw new ConfigError(`Expected a model that gives its attention, as ${needed} needs, got none`);
    const { S } = assertShape(attention, [this.tokens.length, 'S'], 'attention');
    const longest = sourceLengths?.reduce((most, length) => Math.max(most, length), 0) ?? 0;
    if (S < longest) {
      throw new ConfigError(`Expected sourceLengths to be at most the attention's width ${S}, got ${longest}`);
    }
    const values = ((await attention.data()) as Float32Array).slice(); // [R, S]; a backend may use its storage again
    return (row) => values.subarray(row * S, (row + 1) * S);
  }

  /** Puts the extensions of the sentences that have any into K rows each, and the state in the same order. */
  private goOn(next: (Extension | null)[][], rowsPerSentence: number): void {
    const places = Array.from(next.keys()).filter((place) => next[place].some((extension) => extension !== null));
    const parents = new Int32Array(places.length * rowsPerSentence);
    const tokens = new Int32Array(parents.length);
    places.forEach((place, order) => {
      const extensions = next[place];
      const spare = extensions.find((extension) => extension !== null)!;
      for (let slot = 0; slot < rowsPerSentence; slot++) {
        const { link, row } = extensions[slot] ?? spare;
        parents[order * rowsPerSentence + slot] = row;
        tokens[order * rowsPerSentence + slot] = link.token;
      }
      this.sentences[place].links = Array.from(
        { length: rowsPerSentence },
        (_, slot) => extensions[slot]?.link ?? null,
      );
    });
    const unchanged = parents.length === this.tokens.length && parents.every((row, index) => row === index);
    if (places.length > 0 && !unchanged) {
      this.replace(this.model.select(this.state, parents, Int32Array.from(places)));
    }
    this.sentences = places.map((place) => this.sentences[place]);
    this.tokens = tokens;
    this.rowsPerSentence = rowsPerSentence;
    this.position++;
  }

  private replace(state: State): void {
    this.dispose();
    this.state = state;
    this.own = true;
  }
}
