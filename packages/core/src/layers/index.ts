import { Attention, type AttentionOptions } from './attention.js';
import { Bidirectional, type BidirectionalOptions } from './bidirectional.js';
import { GRU, type GRUOptions } from './gru.js';
import { LSTM, type LSTMOptions } from './lstm.js';
import { RecurrentStack, type RecurrentStackOptions } from './recurrentStack.js';
import { SimpleRNN, type SimpleRNNOptions } from './simpleRNN.js';

export { Attention, Bidirectional, GRU, LSTM, RecurrentStack, SimpleRNN };
export type {
  AttentionOptions,
  BidirectionalOptions,
  GRUOptions,
  LSTMOptions,
  RecurrentStackOptions,
  SimpleRNNOptions,
};
export { attentionScores, checkHeads } from './attention.js';
export type { AttendOptions, AttentionMemory, AttentionResult, AttentionScore } from './attention.js';
export type { MergeMode } from './bidirectional.js';
export { NestedLayer } from './nestedLayer.js';
export { RecurrentLayer } from './recurrentLayer.js';
export type { RecurrentOptions } from './recurrentOptions.js';
export type { CellName, StackResult } from './recurrentStack.js';
export { SequenceLayer, type RunOptions, type RunResult, type SequenceOptions, type Trace } from './sequenceLayer.js';
export type { ClassConfig, ConstraintOption, InitializerOption, RegularizerOption } from './weightOptions.js';

/** The layers as functions, in the manner of tf.layers: `layers.lstm({units: 64})`. */
export const layers = {
  simpleRNN: (options: SimpleRNNOptions): SimpleRNN => new SimpleRNN(options),
  lstm: (options: LSTMOptions): LSTM => new LSTM(options),
  gru: (options: GRUOptions): GRU => new GRU(options),
  bidirectional: (options: BidirectionalOptions): Bidirectional => new Bidirectional(options),
  attention: (options?: AttentionOptions): Attention => new Attention(options),
  recurrentStack: (options: RecurrentStackOptions): RecurrentStack => new RecurrentStack(options),
};
