import { InputError } from '../../errors.js';
import { numberIn } from '../../options.js';

/**
 * What a search adds to the acoustic score of a text, symbol by symbol: a language model, the words of a lexicon, a boost of
 * phrases. Symbols are numbers to a search, strings to an n-gram model. A state is never changed: many hypotheses share it.
 */
export interface LanguageScorer<Symbol = number, State = unknown> {
  /** The state before the first symbol. */
  start(): State;
  /** log p(symbol | what came before), in nats, or what else is to be added; -Infinity forbids the symbol here. */
  next(state: State, symbol: Symbol): ScoredState<State>;
  /** The same for the end of the text. */
  finish(state: State): number;
}

export interface ScoredState<State> {
  logProbability: number;
  state: State;
}

/** A scorer times a weight, the alpha of Hannun et al. 2014. What it forbids stays forbidden. */
export function weighted<Symbol, State>(
  scorer: LanguageScorer<Symbol, State>,
  weight: number,
): LanguageScorer<Symbol, State> {
  numberIn(weight, '[0,Infinity)', 'weight');
  const scale = (score: number) => (score === -Infinity ? score : weight * score);
  return {
    start: () => scorer.start(),
    next(before, symbol) {
      const { logProbability, state } = scorer.next(before, symbol);
      return { logProbability: scale(logProbability), state };
    },
    finish: (state) => scale(scorer.finish(state)),
  };
}

/** The sum of some scorers; what one of them forbids is forbidden. */
export function combineScorers<Symbol>(
  ...parts: readonly LanguageScorer<Symbol>[]
): LanguageScorer<Symbol, readonly unknown[]> {
  return {
    start: () => parts.map((scorer) => scorer.start()),
    next(before, symbol) {
      let logProbability = 0;
      const state: unknown[] = [];
      for (let part = 0; part < parts.length; part++) {
        const next = parts[part].next(before[part], symbol);
        logProbability += next.logProbability;
        if (logProbability === -Infinity) return { logProbability, state: before };
        state.push(next.state);
      }
      return { logProbability, state };
    },
    finish: (state) => parts.reduce((sum, scorer, part) => sum + scorer.finish(state[part]), 0),
  };
}

/** A model of characters (or whatever each symbol stands for) as a scorer of symbols. */
export function symbolScorer<State>(
  model: LanguageScorer<string, State>,
  symbols: readonly string[],
): LanguageScorer<number, State> {
  return {
    start: () => model.start(),
    next: (state, symbol) => model.next(state, nameOfSymbol(symbols, symbol)),
    finish: (state) => model.finish(state),
  };
}

/** What a symbol stands for; an `InputError` where there are fewer names than symbols. */
export function nameOfSymbol(symbols: readonly string[], symbol: number): string {
  const name = symbols[symbol];
  if (name === undefined)
    throw new InputError(`Expected a text for symbol ${symbol}, got those of ${symbols.length} symbols`);
  return name;
}
