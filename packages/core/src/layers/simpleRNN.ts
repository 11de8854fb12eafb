import * as tf from '@tensorflow/tfjs-core';
import { rnnCall, rnnTrace, type RnnArgs } from '../ops/rnn.js';
import type { SequenceCall } from '../ops/sequenceOp.js';
import { RecurrentLayer, type CellRun } from './recurrentLayer.js';
import type { RecurrentOptions } from './recurrentOptions.js';
import type { RunOptions, Trace } from './sequenceLayer.js';

/** The options of {@link SimpleRNN}. */
export interface SimpleRNNOptions extends RecurrentOptions {
  /** tanh when absent */
  activation?: 'tanh' | 'relu';
}

const kind = { gates: 1, options: [], activations: ['tanh', 'relu'] };

/**
 * A simple recurrent network over sequences [B, T, D], one operation for all steps: h_t = tanh(x_t W + h_{t-1} U + b) (Elman
 * 1990), or relu in place of tanh. Weights: `kernel` [D, H], `recurrentKernel` [H, H], `bias` [H]. The one state is h [B, H].
 */
export class SimpleRNN extends RecurrentLayer {
  /** @nocollapse */
  static className = 'CadenzaSimpleRNN';
  readonly activation: 'tanh' | 'relu';

  constructor(options: SimpleRNNOptions) {
    super(options, kind, 'SimpleRNN');
    this.activation = options.activation ?? 'tanh';
  }

  protected sequenceCall(cell: CellRun, options: RunOptions): SequenceCall {
    return rnnCall(this.arguments(cell, options));
  }

  protected traceCell(cell: CellRun, options: RunOptions): Trace {
    return rnnTrace(this.arguments(cell, options));
  }

  private arguments(cell: CellRun, options: RunOptions): RnnArgs {
    return { ...cell, h0: options.initialState?.[0], activation: this.activation };
  }
}

tf.serialization.registerClass(SimpleRNN);
