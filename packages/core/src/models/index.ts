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
