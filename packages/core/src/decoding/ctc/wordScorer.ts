import { ConfigError, expected, InputError } from '../../errors.js';
import { refuseUnknown } from '../../options.js';
import { nameOfSymbol, type LanguageScorer } from './languageScorer.js';

/** How a text of symbols is made of words. */
export interface WordSpelling {
  /** The text of each symbol, by its id. */
  symbols: readonly string[];
  /** The symbol that stands between words. */
  separator: number;
}

export interface WordState<State> {
  /** After the words that are complete. */
  words: State;
  /** The letters since the last separator. */
  letters: string;
}

/**
 * A model of words as a scorer of symbols: a word counts when the separator after it, or the end of the text, completes it.
 * Separators at the start, at the end or side by side make no word.
 */
export function wordScorer<State>(
  model: LanguageScorer<string, State>,
  spelling: WordSpelling,
): LanguageScorer<number, WordState<State>> {
  refuseUnknown('wordScorer', spelling, ['symbols', 'separator']);
  const { symbols, separator } = spelling;
  checkSeparator(separator, symbols.length);
  return {
    start: () => ({ words: model.start(), letters: '' }),
    next({ words, letters }, symbol) {
      if (symbol !== separator) {
        return { logProbability: 0, state: { words, letters: letters + nameOfSymbol(symbols, symbol) } };
      }
      if (letters === '') return { logProbability: 0, state: { words, letters } };
      const { logProbability, state } = model.next(words, letters);
      return { logProbability, state: { words: state, letters: '' } };
    },
    finish({ words, letters }) {
      if (letters === '') return model.finish(words);
      const { logProbability, state } = model.next(words, letters);
      return logProbability + model.finish(state);
    },
  };
}

/**
 * Adds `bonus` for each word, or without a separator for each symbol: the beta of Hannun et al. 2014, against a language
 * model's liking for short texts.
 */
export function insertionBonus(bonus: number, options: { separator?: number } = {}): LanguageScorer<number, boolean> {
  refuseUnknown('insertionBonus', options, ['separator']);
  const { separator = -1 } = options;
  if (!Number.isFinite(bonus)) throw new ConfigError(expected('bonus', 'a finite number', bonus));
  // The state: whether a word is open.
  return {
    start: () => false,
    next(open, symbol) {
      if (separator === -1) return { logProbability: bonus, state: false };
      const closes = symbol === separator;
      return { logProbability: closes && open ? bonus : 0, state: !closes };
    },
    finish: (open) => (open ? bonus : 0),
  };
}

export interface LexiconNode {
  readonly children: Map<number, LexiconNode>;
  isWord: boolean;
}

/** Allows the words of a lexicon only, each as its symbols; between two of them stands one separator, and none is at the start. */
export function lexiconScorer(
  words: Iterable<readonly number[]>,
  options: { separator: number },
): LanguageScorer<number, LexiconNode> {
  refuseUnknown('lexiconScorer', options, ['separator']);
  const { separator } = options;
  const root: LexiconNode = { children: new Map(), isWord: false };
  for (const word of words) {
    if (word.length === 0 || word.includes(separator)) {
      throw new InputError(expected('a word of the lexicon', `symbols other than the separator ${separator}`, word));
    }
    let node = root;
    for (const symbol of word) {
      if (!node.children.has(symbol)) node.children.set(symbol, { children: new Map(), isWord: false });
      node = node.children.get(symbol)!;
    }
    node.isWord = true;
  }
  if (root.children.size === 0) throw new InputError('Expected a lexicon of at least one word, got none');
  return {
    start: () => root,
    next(node, symbol) {
      const state = symbol === separator ? (node.isWord ? root : undefined) : node.children.get(symbol);
      return state ? { logProbability: 0, state } : { logProbability: -Infinity, state: node };
    },
    // After a separator the text may end as well as after a word, or before any.
    finish: (node) => (node === root || node.isWord ? 0 : -Infinity),
  };
}

function checkSeparator(separator: number, symbolCount: number): void {
  if (!(Number.isInteger(separator) && separator >= 0 && separator < symbolCount)) {
    throw new ConfigError(expected('separator', `an integer of [0, ${symbolCount})`, separator));
  }
}
