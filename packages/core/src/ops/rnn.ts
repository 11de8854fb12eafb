import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { rate, refuseUnknown } from '../options.js';
import { checkAll, checkInput, runSequence, type SequenceCall, type SequenceOp } from './sequenceOp.js';

/** The kernel, its outputs [y, hLast, reserve], and what receives a gradient. */
export const RNN_OP: SequenceOp = {
  kernel: 'CadenzaRNN',
  gradientKernel: 'CadenzaRNNGrad',
  outputGradients: ['dy', 'dhLast'],
  reserves: ['reserve'],
  differentiable: ['x', 'kernel', 'recurrentKernel', 'bias', 'h0', 'normInput', 'normRecurrent'],
};

export type RnnActivation = 'tanh' | 'relu';

/** The arguments of {@link simpleRnn}. */
export interface RnnArgs {
  /** Features [B, T, D], or int32 ids [B, T]: then `kernel` is a table [V, H] whose row is the input product. */
  x: tf.Tensor;
  /** [D, H] */
  kernel: tf.Tensor;
  /** [H, H] */
  recurrentKernel: tf.Tensor;
  /** [H] */
  bias: tf.Tensor;
  /** tanh when absent */
  activation?: RnnActivation;
  /** [B, H], zeros when absent */
  h0?: tf.Tensor;
  /** int32 [B]: steps from there on carry the state, put out zeros, receive no gradient and are not read */
  lengths?: tf.Tensor;
  /** [B, H]: multiplies h_{t-1} before the recurrent product; already divided by the probability of keeping */
  recurrentMask?: tf.Tensor;
  /** [B, T, H]: 1 keeps the previous h */
  zoneoutMaskH?: tf.Tensor;
  /** [2, H]: gain and bias of the layer norm of x W */
  normInput?: tf.Tensor;
  /** [2, H]: gain and bias of the layer norm of h U */
  normRecurrent?: tf.Tensor;
  /** Walk from the last step to the first; outputs stay at their own time index. */
  reverse?: boolean;
  /** Evaluation's expectation of zoneout, where no mask is given: h = rate * previous + (1 - rate) * new. */
  zoneoutH?: number;
  /** False saves the gradient of float features that need none, such as data. */
  needInputGradient?: boolean;
}

const rnnArgNames: readonly (keyof RnnArgs)[] = [
  ...(['x', 'kernel', 'recurrentKernel', 'bias', 'activation', 'h0', 'lengths', 'recurrentMask'] as const),
  ...(['zoneoutMaskH', 'normInput', 'normRecurrent', 'reverse', 'zoneoutH', 'needInputGradient'] as const),
];

export type RnnResult = {
  /** [B, T, H] */
  outputs: tf.Tensor3D;
  /** [B, H], the state after each row's last step */
  h: tf.Tensor2D;
};

/** The hidden state of every step, [B, T, H]; zero at padded steps. */
export type RnnTrace = Record<'h', tf.Tensor3D>;

/**
 * A whole sequence through a simple recurrent network (Elman 1990), in one kernel.
 *
 *     h'  = phi(x_t W + (m * h_{t-1}) U + b)      phi is tanh or relu; the recurrent mask m: Gal and Ghahramani 2016
 *     h_t = k * h_{t-1} + (1 - k) * h'            zoneout, Krueger et al. 2016
 *
 * With layer norm (Ba, Kiros and Hinton 2016) the products become LN(x W) and LN((m * h) U), each over H.
 */
export function simpleRnn(args: RnnArgs): RnnResult {
  return tf.tidy('simpleRnn', () => {
    const [outputs, h] = runSequence(rnnCall(args)).outputs;
    return { outputs: outputs as tf.Tensor3D, h: h as tf.Tensor2D };
  });
}

/** The same walk as {@link simpleRnn}, as a trace: its only inner value is its output. */
export function rnnTrace(args: RnnArgs): RnnTrace {
  return tf.tidy('rnnTrace', () => ({ h: runSequence(rnnCall(args)).outputs[0] as tf.Tensor3D }));
}

/** Checks the arguments and fills in what is absent. */
export function rnnCall(args: RnnArgs): SequenceCall {
  refuseUnknown('simpleRnn', args, rnnArgNames);
  const sizes = checkInput(args.x, args.kernel, 1);
  const activation = args.activation ?? 'tanh';
  if (activation !== 'tanh' && activation !== 'relu') {
    throw new ConfigError(expected('activation', '"tanh" or "relu"', activation));
  }
  checkAll(
    [
      ['kernel', args.kernel, [null, 'H']],
      ['recurrentKernel', args.recurrentKernel, ['H', 'H']],
      ['bias', args.bias, ['H']],
      ['h0', args.h0, ['B', 'H']],
      ['lengths', args.lengths, ['B']],
      ['recurrentMask', args.recurrentMask, ['B', 'H']],
      ['zoneoutMaskH', args.zoneoutMaskH, ['B', 'T', 'H']],
      ['normInput', args.normInput, [2, 'H']],
      ['normRecurrent', args.normRecurrent, [2, 'H']],
    ],
    sizes,
  );
  const h0 = args.h0 ?? tf.zeros([sizes.B, sizes.H]);
  const { x, kernel, recurrentKernel, bias, lengths, recurrentMask, zoneoutMaskH, normInput, normRecurrent } = args;
  const inputs = {
    ...{ x, kernel, recurrentKernel, bias, h0, lengths, recurrentMask, zoneoutMaskH, normInput, normRecurrent },
  };
  const attributes = { reverse: args.reverse ?? false, activation, zoneoutH: rate(args.zoneoutH, 'zoneoutH') };
  return { op: RNN_OP, given: inputs, attributes, needInputGradient: args.needInputGradient, sizes };
}
