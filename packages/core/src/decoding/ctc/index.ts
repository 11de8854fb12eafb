export { readFrameScores, type FrameScores, type SymbolSpan } from './frameScores.js';
export { ctcGreedy, type BestPath } from './ctcGreedy.js';
export { forcedAlignment } from './forcedAlignment.js';
export {
  CtcBeamDecoder,
  ctcPrefixBeamSearch,
  type CtcHypothesis,
  type PrefixBeamOptions,
} from './ctcPrefixBeamSearch.js';
export { combineScorers, symbolScorer, weighted, type LanguageScorer, type ScoredState } from './languageScorer.js';
export {
  insertionBonus,
  lexiconScorer,
  wordScorer,
  type LexiconNode,
  type WordSpelling,
  type WordState,
} from './wordScorer.js';
export { hotWordScorer, type HotPhrase, type HotWordState } from './hotWords.js';
export { wordTimes, type TimedWord, type WordTimesOptions } from './wordTimes.js';
