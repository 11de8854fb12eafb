export * from './logitsFilters.js';
export * from './chooseToken.js';
export * from './sampleSequence.js';
export * from './stepEngine.js';
export { fromBfloat16, packMatrix, toBfloat16, transposeValues, unpackMatrix, weightFormats } from './stepMatrix.js';
export { checkSampleRequest, drawTokens } from './drawTokens.js';
export { checkStates, referenceStepEngine } from './referenceStepEngine.js';
export { streamChunks, streamTokens, type SampledChunk, type StreamOptions } from './streamTokens.js';
