import * as tf from '@tensorflow/tfjs-core';
import { rate, refuseUnknown } from '../options.js';
import { checkAll, checkInput, runSequence, traceBlock, type SequenceCall, type SequenceOp } from './sequenceOp.js';

/** The kernel, its outputs [y, hLast, reserveGates], and what receives a gradient. */
export const GRU_OP: SequenceOp = {
  kernel: 'CadenzaGRU',
  gradientKernel: 'CadenzaGRUGrad',
  outputGradients: ['dy', 'dhLast'],
  reserves: ['reserveGates'],
  differentiable: ['x', 'kernel', 'recurrentKernel', 'bias', 'h0', 'normInput', 'normRecurrent'],
};

/** The arguments of {@link gru}. */
export interface GruArgs {
  /** Features [B, T, D], or int32 ids [B, T]: then `kernel` is a table [V, 3H] whose row is the input product. */
  x: tf.Tensor;
  /** [D, 3H], gates in the order z r n */
  kernel: tf.Tensor;
  /** [H, 3H] */
  recurrentKernel: tf.Tensor;
  /** [2, 3H] with `resetAfter` (of the input, of the recurrence), else [3H] */
  bias: tf.Tensor;
  /** Apply the reset gate after the recurrent product (as cuDNN and PyTorch do), not before it. True when absent. */
  resetAfter?: boolean;
  /** [B, H], zeros when absent */
  h0?: tf.Tensor;
  /** int32 [B]: steps from there on carry the state, put out zeros, receive no gradient and are not read */
  lengths?: tf.Tensor;
  /** [B, H]: multiplies h_{t-1} before the recurrent products; already divided by the probability of keeping */
  recurrentMask?: tf.Tensor;
  /** [B, T, H]: 1 keeps the previous h */
  zoneoutMaskH?: tf.Tensor;
  /** [2, 3H]: gain and bias of the layer norm of x W */
  normInput?: tf.Tensor;
  /** [2, 3H]: gain and bias of the layer norm of h U */
  normRecurrent?: tf.Tensor;
  /** Walk from the last step to the first; outputs stay at their own time index. */
  reverse?: boolean;
  /** Evaluation's expectation of zoneout, where no mask is given: h = rate * previous + (1 - rate) * new. */
  zoneoutH?: number;
  /** False saves the gradient of float features that need none, such as data. */
  needInputGradient?: boolean;
}

const gruArgNames: readonly (keyof GruArgs)[] = [
  ...(['x', 'kernel', 'recurrentKernel', 'bias', 'resetAfter', 'h0', 'lengths', 'recurrentMask'] as const),
  ...(['zoneoutMaskH', 'normInput', 'normRecurrent', 'reverse', 'zoneoutH', 'needInputGradient'] as const),
];

export type GruResult = {
  /** [B, T, H] */
  outputs: tf.Tensor3D;
  /** [B, H], the state after each row's last step */
  h: tf.Tensor2D;
};

/** Gates and hidden state of every step, each [B, T, H]; zero at padded steps. */
export type GruTrace = Record<'z' | 'r' | 'n' | 'h', tf.Tensor3D>;

/**
 * A whole sequence through a gated recurrent unit (Cho et al. 2014, section 2.3), in one kernel.
 *
 *     z, r = sigmoid(x_t W + b + (m * h_{t-1}) U)
 *     n    = tanh(x_t W_n + b_n + r * ((m * h_{t-1}) U_n + b2_n))      resetAfter, with b2 also in z and r
 *     n    = tanh(x_t W_n + b_n + (r * m * h_{t-1}) U_n)               otherwise
 *     h'   = z * h_{t-1} + (1 - z) * n
 *     h_t  = k * h_{t-1} + (1 - k) * h'                                zoneout, Krueger et al. 2016
 *
 * The recurrent mask m is that of Gal and Ghahramani 2016. With layer norm (Ba, Kiros and Hinton 2016) the products become
 * LN(x W) over 3H and, with `resetAfter`, LN((m * h) U) over 3H; otherwise LN over the 2H of z and r, and over the H of n.
 */
export function gru(args: GruArgs): GruResult {
  return tf.tidy('gru', () => {
    const [outputs, h] = runSequence(gruCall(args)).outputs;
    return { outputs: outputs as tf.Tensor3D, h: h as tf.Tensor2D };
  });
}

/** The same walk as {@link gru}, returning what happened inside at every step. */
export function gruTrace(args: GruArgs): GruTrace {
  return tf.tidy('gruTrace', () => {
    const call = gruCall(args);
    const { outputs, reserves } = runSequence(call, { trace: true });
    const [z, r, n] = [0, 1, 2].map((block) => traceBlock(reserves[0], block, call.sizes));
    tf.dispose(reserves);
    return { z, r, n, h: outputs[0] as tf.Tensor3D };
  });
}

/** Checks the arguments and fills in what is absent. */
export function gruCall(args: GruArgs): SequenceCall {
  refuseUnknown('gru', args, gruArgNames);
  const sizes = checkInput(args.x, args.kernel, 3);
  const resetAfter = args.resetAfter ?? true;
  checkAll(
    [
      ['kernel', args.kernel, [null, '3H']],
      ['recurrentKernel', args.recurrentKernel, ['H', '3H']],
      ['bias', args.bias, resetAfter ? [2, '3H'] : ['3H']],
      ['h0', args.h0, ['B', 'H']],
      ['lengths', args.lengths, ['B']],
      ['recurrentMask', args.recurrentMask, ['B', 'H']],
      ['zoneoutMaskH', args.zoneoutMaskH, ['B', 'T', 'H']],
      ['normInput', args.normInput, [2, '3H']],
      ['normRecurrent', args.normRecurrent, [2, '3H']],
    ],
    sizes,
  );
  const h0 = args.h0 ?? tf.zeros([sizes.B, sizes.H]);
  const { x, kernel, recurrentKernel, bias, lengths, recurrentMask, zoneoutMaskH, normInput, normRecurrent } = args;
  const inputs = {
    ...{ x, kernel, recurrentKernel, bias, h0, lengths, recurrentMask, zoneoutMaskH, normInput, normRecurrent },
  };
  const attributes = { reverse: args.reverse ?? false, resetAfter, zoneoutH: rate(args.zoneoutH, 'zoneoutH') };
  return { op: GRU_OP, given: inputs, attributes, needInputGradient: args.needInputGradient, sizes };
}
