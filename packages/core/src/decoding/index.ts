export * from './logitsFilters.js';
export {
  checkChoiceOptions,
  chooseToken,
  DEFAULT_REPETITION_WINDOW,
  type Choice,
  type ChoiceOptions,
} from './chooseToken.js';
export {
  checkSampleOptions,
  sampleSequence,
  sampleSequences,
  type SampledSequence,
  type SampledToken,
  type SampleOptions,
  type StepFunction,
  type StepResult,
} from './sampleSequence.js';
export * from './stepEngine.js';
export { fromBfloat16, packMatrix, toBfloat16, transposeValues, unpackMatrix, weightFormats } from './stepMatrix.js';
export { checkSampleRequest, drawTokens } from './drawTokens.js';
export { checkStates, referenceStepEngine } from './referenceStepEngine.js';
export { eventLoopTurn, TurnTaker } from './eventLoop.js';
export { streamChunks, streamTokens, type SampledChunk, type StreamOptions } from './streamTokens.js';
export type { Hypothesis, SearchModel, SearchRows, SearchStep } from './searchModel.js';
export { maximumLengths, type SearchOptions } from './searchOptions.js';
export { coveragePenalty, lengthPenalty, type LengthPenalty } from './searchScore.js';
export { beamSearch, type BeamSearchOptions, type SearchStopping } from './beamSearch.js';
export { greedySearch } from './greedySearch.js';
export { sampleSearch, type SampleSearchOptions } from './sampleSearch.js';
export { expectedUtilities } from './minimumBayesRisk.js';
export { ensemble, type EnsembleAverage } from './ensemble.js';
export * from './ctc/index.js';
