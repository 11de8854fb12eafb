import * as tf from '@tensorflow/tfjs-core';
import { rate, refuseUnknown } from '../options.js';
import { checkAll, checkInput, runSequence, traceBlock, type SequenceCall, type SequenceOp } from './sequenceOp.js';
import type { Sizes } from '../shapes.js';

/** The kernel, its outputs [y, hLast, cLast, reserves...], and what receives a gradient. */
export const LSTM_OP: SequenceOp = {
  kernel: 'CadenzaLSTM',
  gradientKernel: 'CadenzaLSTMGrad',
  outputGradients: ['dy', 'dhLast', 'dcLast'],
  reserves: ['reserveGates', 'reserveCells', 'reserveExtra'],
  differentiable: [
    ...['x', 'kernel', 'recurrentKernel', 'bias', 'h0', 'c0'],
    ...['projection', 'normInput', 'normRecurrent', 'normCell'],
  ],
};

/** The arguments of {@link lstm}. P is the projection's size, or H without one. */
export interface LstmArgs {
  /** Features [B, T, D], or int32 ids [B, T]: then `kernel` is a table [V, 4H] whose row is the input product. */
  x: tf.Tensor;
  /** [D, 4H], gates in the order i f g o */
  kernel: tf.Tensor;
  /** [P, 4H] */
  recurrentKernel: tf.Tensor;
  /** [4H] */
  bias: tf.Tensor;
  /** [B, P], zeros when absent */
  h0?: tf.Tensor;
  /** [B, H], zeros when absent */
  c0?: tf.Tensor;
  /** int32 [B]: steps from there on carry the state, put out zeros, receive no gradient and are not read */
  lengths?: tf.Tensor;
  /** [B, P]: multiplies h_{t-1} before the recurrent product; already divided by the probability of keeping */
  recurrentMask?: tf.Tensor;
  /** [B, T, P]: 1 keeps the previous h */
  zoneoutMaskH?: tf.Tensor;
  /** [B, T, H]: 1 keeps the previous c */
  zoneoutMaskC?: tf.Tensor;
  /** [H, P] */
  projection?: tf.Tensor;
  /** [2, 4H]: gain and bias of the layer norm of x W */
  normInput?: tf.Tensor;
  /** [2, 4H]: gain and bias of the layer norm of h U */
  normRecurrent?: tf.Tensor;
  /** [2, H]: gain and bias of the layer norm of c inside the output's tanh */
  normCell?: tf.Tensor;
  /** Walk from the last step to the first; outputs stay at their own time index. */
  reverse?: boolean;
  /** Evaluation's expectation of zoneout, where no mask is given: h = rate * previous + (1 - rate) * new. */
  zoneoutH?: number;
  zoneoutC?: number;
  /** False saves the gradient of float features that need none, such as data. */
  needInputGradient?: boolean;
}

const lstmArgNames: readonly (keyof LstmArgs)[] = [
  ...(['x', 'kernel', 'recurrentKernel', 'bias', 'h0', 'c0', 'lengths', 'recurrentMask', 'zoneoutMaskH'] as const),
  ...(['zoneoutMaskC', 'projection', 'normInput', 'normRecurrent', 'normCell', 'reverse', 'zoneoutH'] as const),
  ...(['zoneoutC', 'needInputGradient'] as const),
];

export type LstmResult = {
  /** [B, T, P] */
  outputs: tf.Tensor3D;
  /** [B, P], the state after each row's last step */
  h: tf.Tensor2D;
  /** [B, H] */
  c: tf.Tensor2D;
};

/** Gates, cell and hidden state of every step, each [B, T, H] (h [B, T, P]); zero at padded steps, c carried there. */
export type LstmTrace = Record<'i' | 'f' | 'g' | 'o' | 'c' | 'h', tf.Tensor3D>;

/**
 * A whole sequence through a long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers,
 * Schmidhuber and Cummins 2000), in one kernel.
 *
 *     z = x_t W + (m * h_{t-1}) U + b             the recurrent mask m: Gal and Ghahramani 2016, section 4
 *     i, f, o = sigmoid(z_i, z_f, z_o)   g = tanh(z_g)
 *     c'  = f * c_{t-1} + i * g
 *     h'  = (o * tanh(c')) R                      the projection R: Sak, Senior and Beaufays 2014, equation 7
 *     c_t = k_c * c_{t-1} + (1 - k_c) * c'        zoneout: Krueger et al. 2016, equations 3 and 4;
 *     h_t = k_h * h_{t-1} + (1 - k_h) * h'        h' reads c', not c_t
 *
 * With layer norm (Ba, Kiros and Hinton 2016, equations 20 to 22): z = LN(x_t W) + LN((m * h_{t-1}) U) + b over all 4H, and
 * h' = (o * tanh(LN(c'))) R, with epsilon 1e-5. Each of the three is used where its gain and bias are given.
 */
export function lstm(args: LstmArgs): LstmResult {
  return tf.tidy('lstm', () => {
    const [outputs, h, c] = runSequence(lstmCall(args)).outputs;
    return { outputs: outputs as tf.Tensor3D, h: h as tf.Tensor2D, c: c as tf.Tensor2D };
  });
}

/** The same walk as {@link lstm}, returning what happened inside at every step. */
export function lstmTrace(args: LstmArgs): LstmTrace {
  return tf.tidy('lstmTrace', () => {
    const call = lstmCall(args);
    const { outputs, reserves } = runSequence(call, { trace: true });
    const [gates, cells] = reserves;
    const [i, f, g, o] = [0, 1, 2, 3].map((block) => traceBlock(gates, block, call.sizes));
    const trace = { i, f, g, o, c: traceBlock(cells, 0, call.sizes), h: outputs[0] as tf.Tensor3D };
    tf.dispose(reserves);
    return trace;
  });
}

/** Checks the arguments and fills in what is absent. */
export function lstmCall(args: LstmArgs): SequenceCall {
  refuseUnknown('lstm', args, lstmArgNames);
  const sizes = checkInput(args.x, args.kernel, 4);
  checkLstm(args, sizes);
  const { B, H, P } = sizes;
  const h0 = args.h0 ?? tf.zeros([B, P]);
  const c0 = args.c0 ?? tf.zeros([B, H]);
  const { x, kernel, recurrentKernel, bias, lengths, recurrentMask, zoneoutMaskH, zoneoutMaskC } = args;
  const { projection, normInput, normRecurrent, normCell } = args;
  const inputs = {
    ...{ x, kernel, recurrentKernel, bias, h0, c0, lengths, recurrentMask, zoneoutMaskH, zoneoutMaskC },
    ...{ projection, normInput, normRecurrent, normCell },
  };
  const attributes = {
    reverse: args.reverse ?? false,
    zoneoutH: rate(args.zoneoutH, 'zoneoutH'),
    zoneoutC: rate(args.zoneoutC, 'zoneoutC'),
  };
  return { op: LSTM_OP, given: inputs, attributes, needInputGradient: args.needInputGradient, sizes };
}

function checkLstm(args: LstmArgs, sizes: Sizes): void {
  if (!args.projection) sizes.P = sizes.H;
  checkAll(
    [
      ['kernel', args.kernel, [null, '4H']],
      ['projection', args.projection, ['H', 'P']],
      ['recurrentKernel', args.recurrentKernel, ['P', '4H']],
      ['bias', args.bias, ['4H']],
      ['h0', args.h0, ['B', 'P']],
      ['c0', args.c0, ['B', 'H']],
      ['lengths', args.lengths, ['B']],
      ['recurrentMask', args.recurrentMask, ['B', 'P']],
      ['zoneoutMaskH', args.zoneoutMaskH, ['B', 'T', 'P']],
      ['zoneoutMaskC', args.zoneoutMaskC, ['B', 'T', 'H']],
      ['normInput', args.normInput, [2, '4H']],
      ['normRecurrent', args.normRecurrent, [2, '4H']],
      ['normCell', args.normCell, [2, 'H']],
    ],
    sizes,
  );
}
