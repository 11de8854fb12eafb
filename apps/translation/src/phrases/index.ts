export { makePhrases, type HeldOutPair, type PhraseOptions, type PhrasePair, type Phrases } from './makePhrases.js';
export { sentenceLanguages, type SentenceLanguage } from './grammar.js';
