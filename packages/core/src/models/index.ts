export { LSTMDecoder, RecurrentDecoder } from './decoder.js';
export type {
  DecodeOptions,
  DecodeResult,
  DecoderState,
  LSTMDecoderOptions,
  RecurrentDecoderOptions,
} from './decoder.js';
export { LSTMEncoder } from './encoder.js';
export type { Bridge, EncodeResult, LSTMEncoderOptions } from './encoder.js';
export { RecurrentLanguageModel } from './languageModel.js';
export type {
  ForwardOptions,
  LanguageModelConfig,
  LanguageModelDropout,
  LanguageModelOptions,
  State,
} from './languageModel.js';
export { compileSteps, type StepWay } from './compileSteps.js';
export { packWeights, roundWeights, unpackWeights } from './packedWeights.js';
export { AttentionDecoder } from './attentionDecoder.js';
export { disposeState } from './attentionDecoderState.js';
export type { AttentionDecodeOptions, AttentionDecodeResult, AttentionDecoderState } from './attentionDecoderState.js';
export type { AttentionDecoderOptions } from './attentionDecoderOptions.js';
export { teacherPredictions, type TeacherPredictions } from './distillation.js';
export { SequenceSearch } from './sequenceSearch.js';
export type { SequenceLossOptions } from './sequenceLoss.js';
export { SequenceToSequence } from './sequenceToSequence.js';
export type { PairBatch, SequenceDecodeOptions, SequenceForwardOptions, SourceBatch } from './sequenceToSequence.js';
export type {
  DecoderConfig,
  EncoderConfig,
  SequenceToSequenceConfig,
  SequenceToSequenceDropout,
  SequenceToSequenceOptions,
} from './sequenceToSequenceOptions.js';
export { AcousticModel } from './acousticModel.js';
export type {
  AcousticForwardOptions,
  AcousticModelConfig,
  AcousticModelDropout,
  AcousticModelOptions,
  FrameBatch,
  TranscribedBatch,
} from './acousticModel.js';
