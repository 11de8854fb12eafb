export * from './sha256.js';
export * from './utf8.js';
export * from './normalize.js';
export * from './corpus.js';
export * from './filesBelow.js';
export * from './segment.js';
export {
  compareCodePoints,
  UNKNOWN_TOKEN,
  Vocabulary,
  type VocabularyJson,
  type VocabularyOptions,
} from './vocabulary.js';
export * from './tokenizer.js';
export * from './split.js';
export * from './batch.js';
export * from './windows.js';
export * from './streams.js';
export * from './textStream.js';
export * from './parallel/parallelCorpus.js';
export * from './parallel/cleanPairs.js';
export { checkTextFile, linesOf, readLines } from './parallel/textFile.js';
export type { TmxLanguages } from './parallel/tmx.js';
export type { TsvColumns } from './parallel/tsv.js';
export * from './bpe/bytePairEncoding.js';
export { countWords, type LearnOptions } from './bpe/learnMerges.js';
export { CONTINUATION, type Merge } from './bpe/merges.js';
export type { KnownSubwords } from './bpe/vocabularySplit.js';
export * from './subwordVocabulary.js';
export * from './bucketBatches.js';
export { isLanguageTag } from './language/languageTag.js';
export * from './language/languageTokenizer.js';
export * from './language/truecaser.js';
export * from './language/sentences.js';
export * from './ngram/index.js';
