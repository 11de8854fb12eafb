export * from './recognizer.js';
export { openRun, readRun, type OpenOptions, type OpenRun, type RunDescription, type SavedRun } from './run.js';
export { TranscriptDecoder, type DecoderOptions, type TranscriptHypothesis } from './decoder.js';
export type { HotWord, LanguageWeights } from './languageModel.js';
export { scoreTranscripts, type RecognitionResult, type RecognitionScores } from './evaluate.js';
export {
  StreamingRecognizer,
  type StreamOptions,
  type StreamUpdate,
  type UtteranceListener,
} from './streaming/streamingRecognizer.js';
export { EnergyEndpointer, findUtterances, type EndpointingOptions, type UtterancePiece } from './endpointing.js';
export { transcribeRecordings, type RecordingResult, type TranscribeOptions } from './transcribeRecordings.js';
export {
  transcriptFormats,
  transcriptWriter,
  type FormatOptions,
  type RecordingTranscript,
  type TranscriptFormat,
  type TranscriptWriter,
} from './formats.js';
