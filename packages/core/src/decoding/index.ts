export * from './logitsFilters.js';
export * from './chooseToken.js';
export * from './sampleSequence.js';
export * from './stepEngine.js';
