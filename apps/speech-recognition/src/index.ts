export * from './recognizer.js';
export { openRun, readRun, type OpenOptions, type OpenRun, type RunDescription, type SavedRun } from './run.js';
export { TranscriptDecoder, type DecoderOptions, type TranscriptHypothesis } from './decoder.js';
export type { HotWord, LanguageWeights } from './languageModel.js';
export { scoreTranscripts, type RecognitionResult, type RecognitionScores } from './evaluate.js';
