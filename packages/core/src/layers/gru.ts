import * as tf from '@tensorflow/tfjs-core';
import { gruCall, gruTrace, type GruArgs } from '../ops/gru.js';
import type { SequenceCall } from '../ops/sequenceOp.js';
import { choice, flag } from '../options.js';
import { RecurrentLayer, type CellRun } from './recurrentLayer.js';
import type { RecurrentOptions } from './recurrentOptions.js';
import type { RunOptions, Trace } from './sequenceLayer.js';

/** The options of {@link GRU}. */
export interface GRUOptions extends RecurrentOptions {
  /** Apply the reset gate after the recurrent product, with a bias of its own, as cuDNN does; true when absent. */
  resetAfter?: boolean;
  /** Only tanh. */
  activation?: 'tanh';
  /** Only sigmoid. */
  recurrentActivation?: 'sigmoid';
}

const kind = { gates: 3, options: ['resetAfter', 'recurrentActivation'], activations: ['tanh'] };

/**
 * A gated recurrent unit over sequences [B, T, D], one operation for all steps.
 *
 *     z, r = sigmoid(x_t W + h_{t-1} U + b)
 *     n    = tanh(x_t W_n + b_n + r * (h_{t-1} U_n + b'_n))   with `resetAfter`
 *     n    = tanh(x_t W_n + b_n + (r * h_{t-1}) U_n)          without
 *     h_t  = z * h_{t-1} + (1 - z) * n
 *
 * Cho et al. 2014, section 2.3. Weights: `kernel` [D, 3H], `recurrentKernel` [H, 3H], `bias` [2, 3H] (of the input, of the
 * recurrence) or, without `resetAfter`, [3H]; gates in Keras's order z r n. The one state is h [B, H].
 */
export class GRU extends RecurrentLayer {
  /** @nocollapse */
  static className = 'CadenzaGRU';
  readonly resetAfter: boolean;

  constructor(options: GRUOptions) {
    super(options, kind, 'GRU');
    this.resetAfter = flag(options.resetAfter ?? undefined, true, 'resetAfter');
    choice(options.recurrentActivation ?? undefined, ['sigmoid'], 'sigmoid', 'recurrentActivation of GRU');
  }

  protected override get biasShape(): number[] {
    return this.resetAfter ? [2, 3 * this.units] : [3 * this.units];
  }

  protected sequenceCall(cell: CellRun, options: RunOptions): SequenceCall {
    return gruCall(this.arguments(cell, options));
  }

  protected traceCell(cell: CellRun, options: RunOptions): Trace {
    return gruTrace(this.arguments(cell, options));
  }

  private arguments(cell: CellRun, options: RunOptions): GruArgs {
    return { ...cell, h0: options.initialState?.[0], resetAfter: this.resetAfter };
  }
}

tf.serialization.registerClass(GRU);
