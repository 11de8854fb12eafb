export { Translator } from './translator.js';
export type { Hypothesis, TranslateOptions, Translation } from './translationOptions.js';
export { pharaohPairs, softPairs, strongestLinks, wordAlignment, type AlignmentPoint } from './alignment.js';
export { openRun, readRun, type OpenOptions, type OpenRun, type RunDescription, type SavedRun } from './run.js';
export { resolveConfig, presetNames, type Config, type ConfigSources } from './config.js';
export { scoreTranslations, type ScoreOptions, type TranslationScores } from './evaluate.js';
export { makePhrases, type HeldOutPair, type PhraseOptions, type PhrasePair, type Phrases } from './phrases/index.js';
