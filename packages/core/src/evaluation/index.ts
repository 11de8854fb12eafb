export * from './metric.js';
export * from './crossEntropy.js';
export * from './accuracy.js';
