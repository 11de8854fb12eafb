export { NgramModel, type NgramPerplexity, type NgramState } from './ngramModel.js';
export type { Discounts, NgramTrainOptions } from './kneserNey.js';
export { SENTENCE_END, SENTENCE_START } from './ngramTable.js';
export { characterTokens, SPACE_TOKEN } from './characterTokens.js';
