export { dataSets } from './dataSets.js';
export * from './phrases/index.js';
