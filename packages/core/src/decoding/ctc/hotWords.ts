import { ConfigError, expected, InputError } from '../../errors.js';
import { refuseUnknown } from '../../options.js';
import type { LanguageScorer } from './languageScorer.js';

export interface HotPhrase {
  symbols: readonly number[];
  /** What each occurrence adds to a text's score, in nats. */
  boost: number;
}

/** A node of the automaton of Aho and Corasick 1975: the longest beginning of a phrase that the text ends with. */
export interface HotWordState {
  readonly children: Map<number, HotWordState>;
  /** The longest proper end of this node's symbols that is a beginning of a phrase too; of the root none. */
  failure: HotWordState | null;
  /** The boosts of all phrases that end here. */
  completed: number;
  /** The boost that is lent for what may become a phrase: the greatest share of it that has been said. */
  lent: number;
}

/**
 * Boosts phrases. While one is being said its boost is lent, in the share of its symbols that have been said, so that the beam
 * keeps it; where it is not completed the loan is taken back. So a whole text gains the boost of each occurrence and no more.
 *
 * With a `separator` a phrase counts as whole words only. Occurrences may overlap, and each counts.
 */
export function hotWordScorer(
  phrases: Iterable<HotPhrase>,
  options: { separator?: number } = {},
): LanguageScorer<number, HotWordState> {
  refuseUnknown('hotWordScorer', options, ['separator']);
  const { separator = -1 } = options;
  const root = makeNode();
  for (const phrase of phrases) addPhrase(root, phrase, separator);
  linkFailures(root);
  const step = (from: HotWordState, symbol: number) => {
    const state = follow(root, from, symbol);
    return { logProbability: state.completed + state.lent - from.lent, state };
  };
  // Separators before and after the whole text make its first and last words whole.
  const beginning = separator === -1 ? root : follow(root, root, separator);
  return {
    start: () => beginning,
    next: step,
    finish: (state) => (separator === -1 ? 0 : follow(root, state, separator).completed) - state.lent,
  };
}

function makeNode(): HotWordState {
  return { children: new Map(), failure: null, completed: 0, lent: 0 };
}

function addPhrase(root: HotWordState, { symbols, boost }: HotPhrase, separator: number): void {
  if (!(boost > 0 && boost < Infinity)) throw new ConfigError(expected('boost', 'a positive number', boost));
  if (symbols.length === 0 || symbols[0] === separator || symbols[symbols.length - 1] === separator) {
    throw new InputError(
      expected('a hot phrase', 'symbols that neither begin nor end with the separator', [...symbols]),
    );
  }
  const path = separator === -1 ? symbols : [separator, ...symbols, separator];
  let node = root;
  path.forEach((symbol, place) => {
    if (!node.children.has(symbol)) node.children.set(symbol, makeNode());
    node = node.children.get(symbol)!;
    const said = separator === -1 ? place + 1 : place; // of the phrase's own symbols
    if (place < path.length - 1) node.lent = Math.max(node.lent, (boost * said) / symbols.length);
  });
  node.completed += boost;
}

/** Breadth first, so that a failure is complete before those that fall back on it. */
function linkFailures(root: HotWordState): void {
  const queue = [...root.children.values()];
  for (const node of queue) node.failure = root;
  for (let next = 0; next < queue.length; next++) {
    const node = queue[next];
    const failure = node.failure!;
    node.completed += failure.completed;
    node.lent = Math.max(node.lent, failure.lent);
    for (const [symbol, child] of node.children) {
      child.failure = follow(root, failure, symbol);
      queue.push(child);
    }
  }
}

/** The state after one more symbol. */
function follow(root: HotWordState, from: HotWordState, symbol: number): HotWordState {
  for (let node: HotWordState | null = from; node; node = node.failure) {
    const child = node.children.get(symbol);
    if (child) return child;
  }
  return root;
}
