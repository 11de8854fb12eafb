export { makePhrases, type HeldOutPair, type PhraseOptions, type Phrases } from './makePhrases.js';
export type { PhrasePair } from './collect.js';
export { sentenceLanguages, type SentenceLanguage } from './grammar.js';
