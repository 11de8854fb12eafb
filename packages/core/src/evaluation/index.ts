export * from './metric.js';
export * from './crossEntropy.js';
export * from './accuracy.js';
export {
  bleu,
  bleuMeasure,
  pairwiseBleu,
  sentenceBleu,
  type BleuOptions,
  type BleuScore,
  type BleuSmoothing,
} from './bleu.js';
export type { BleuTokenizer } from './bleuTokenizers.js';
export { chrf, chrfMeasure, sentenceChrf, type ChrfOptions, type ChrfScore } from './chrf.js';
export { sentenceTer, ter, terMeasure, type TerOptions, type TerScore } from './ter.js';
export {
  bootstrapInterval,
  pairedBootstrap,
  type BootstrapInterval,
  type BootstrapMetric,
  type BootstrapOptions,
  type PairedBootstrap,
} from './bootstrap.js';
export { CorpusMetric, SACREBLEU_VERSION, type ReferenceCount, type SentenceMeasure } from './sentenceMeasure.js';
export type { References, TranslationPairs } from './sentences.js';
export {
  ErrorRate,
  errorRate,
  type AlignedPair,
  type Confusion,
  type ErrorCounts,
  type ErrorRateOptions,
  type ErrorRateValue,
  type TranscriptPairs,
} from './errorRate.js';
export { alignTokens, type AlignmentOperation, type AlignmentStep } from './levenshtein.js';
