import * as tf from '@tensorflow/tfjs-core';
import { lstmCall, lstmTrace, type LstmArgs } from '../ops/lstm.js';
import type { SequenceCall } from '../ops/sequenceOp.js';
import { choice, flag, positiveInteger } from '../options.js';
import { RecurrentLayer, gainAndBias, type CellRun } from './recurrentLayer.js';
import type { RecurrentOptions } from './recurrentOptions.js';
import type { RunOptions, Trace } from './sequenceLayer.js';
import { resolveInitializer, type Fill } from './weightOptions.js';

/** The options of {@link LSTM}. */
export interface LSTMOptions extends RecurrentOptions {
  /** Start the bias of the forget gate at 1 (Jozefowicz, Zaremba and Sutskever 2015); true when absent. */
  unitForgetBias?: boolean;
  /** Project the hidden state down to this size P (Sak, Senior and Beaufays 2014). */
  projectionSize?: number;
  /** Only tanh. */
  activation?: 'tanh';
  /** Only sigmoid (tfjs-layers' own LSTM defaults to a hard sigmoid). */
  recurrentActivation?: 'sigmoid';
}

const kind = {
  gates: 4,
  options: ['unitForgetBias', 'projectionSize', 'recurrentActivation'],
  activations: ['tanh'],
};

/**
 * A long short-term memory over sequences [B, T, D], one operation for all steps.
 *
 *     i, f, o = sigmoid(x_t W + h_{t-1} U + b)   g = tanh(x_t W_g + h_{t-1} U_g + b_g)
 *     c_t = f * c_{t-1} + i * g                  h_t = o * tanh(c_t)
 *
 * Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000. Weights: `kernel` [D, 4H],
 * `recurrentKernel` [P, 4H] and `bias` [4H] in Keras's order of gates, i f g o; P = H without `projectionSize`. States: h [B, P]
 * and c [B, H]. Returns [B, P], with `returnSequences` [B, T, P], with `returnState` followed by h and c.
 */
export class LSTM extends RecurrentLayer {
  /** @nocollapse */
  static className = 'CadenzaLSTM';
  readonly projectionSize: number | undefined;
  private readonly unitForgetBias: boolean;

  constructor(options: LSTMOptions) {
    super(options, kind, 'LSTM');
    const { projectionSize, unitForgetBias, recurrentActivation } = options;
    this.projectionSize = projectionSize == null ? undefined : positiveInteger(projectionSize, 'projectionSize');
    this.unitForgetBias = flag(unitForgetBias ?? undefined, true, 'unitForgetBias');
    choice(recurrentActivation ?? undefined, ['sigmoid'], 'sigmoid', 'recurrentActivation of LSTM');
  }

  override get outputSize(): number {
    return this.projectionSize ?? this.units;
  }

  override get stateSizes(): number[] {
    return [this.outputSize, this.units];
  }

  protected override biasFill(fill: Fill): Fill {
    if (!this.unitForgetBias) return fill;
    return ([wide]) =>
      tf.tidy(() => {
        const [input, , cell, output] = tf.split(fill([wide]) as tf.Tensor1D, 4);
        return tf.concat([input, tf.ones([wide / 4]) as tf.Tensor1D, cell, output]);
      });
  }

  protected override buildMore(): void {
    const { units, projectionSize } = this;
    if (this.layerNorm) this.makeWeight({ name: 'normCell', shape: [2, units], fill: gainAndBias });
    if (projectionSize === undefined) return;
    const fill = resolveInitializer('glorotUniform', this.weightRandom('projection'), 'projection');
    this.makeWeight({ name: 'projection', shape: [units, projectionSize], fill });
  }

  protected sequenceCall(cell: CellRun, options: RunOptions): SequenceCall {
    return lstmCall(this.arguments(cell, options));
  }

  protected traceCell(cell: CellRun, options: RunOptions): Trace {
    return lstmTrace(this.arguments(cell, options));
  }

  private arguments(cell: CellRun, options: RunOptions): LstmArgs {
    const [h0, c0] = options.initialState ?? [];
    const [batch, time] = cell.x.shape;
    const training = options.training === true;
    const { zoneoutC } = this.rates;
    const zoneoutMaskC = this.keepMask([batch, time, this.units], zoneoutC, training, options.random ?? this.random);
    const [projection, normCell] = [this.weight('projection'), this.weight('normCell')];
    return { ...cell, h0, c0, zoneoutC, zoneoutMaskC, projection, normCell };
  }
}

tf.serialization.registerClass(LSTM);
