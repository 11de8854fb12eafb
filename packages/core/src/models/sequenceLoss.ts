import * as tf from '@tensorflow/tfjs-core';
import { expected, InputError } from '../errors.js';
import { numberIn } from '../options.js';
import { consistencyLoss, maskedMean, softmaxCrossEntropy } from '../ops/index.js';
import { assertShape } from '../shapes.js';
import type { AttentionDecodeResult } from './attentionDecoderState.js';
import { teacherDifference, type TeacherPredictions } from './distillation.js';
import type { SequenceForwardOptions } from './sequenceToSequence.js';
import type { SequenceToSequenceConfig } from './sequenceToSequenceOptions.js';

/** What the loss of a batch of pairs takes besides. */
export interface SequenceLossOptions extends SequenceForwardOptions {
  /** Label smoothing (Szegedy et al. 2016), of [0, 1). */
  labelSmoothing?: number;
  /** The weight of the coverage loss (See, Liu and Manning 2017, equations 12 and 13); for models with coverage. */
  coverageLoss?: number;
  /**
   * The share of target tokens, of [0, 1], that are read as the model predicts them and not as they are (Bengio et al. 2015), in the two
   * parallel passes of Mihaylova and Martins 2019.
   */
  scheduledSampling?: number;
  /**
   * The weight alpha of R-Drop (Liang et al. 2021, equations 2 and 4), for training with dropout; 0 when absent. Each pair is predicted
   * twice, p_1 and p_2, under dropouts of their own, and the two predictions are drawn together. Divided by the paper's two passes, so
   * that weights keep their meaning, the loss per token is
   *
   *     (CE(p_1) + CE(p_2)) / 2 + alpha / 2 (KL(p_1||p_2) + KL(p_2||p_1)) / 2
   */
  consistency?: number;
  /**
   * Knowledge distillation, word by word (Hinton, Vinyals and Dean 2015; Kim and Rush 2016, section 3.1): of the probability that the
   * labels have, the share `weight`, of [0, 1], is spread as teachers say; see {@link teacherPredictions}.
   */
  distillation?: TeacherPredictions & { weight: number };
}

/** Those of {@link SequenceLossOptions} that a forward pass does not have. */
export const lossOptionNames = [
  'labelSmoothing',
  'coverageLoss',
  'scheduledSampling',
  'consistency',
  'distillation',
] as const;

/** Refuses numbers out of their ranges, and a coverage loss without coverage; label smoothing is checked where it is used. */
export function checkLossOptions(
  { coverageLoss = 0, consistency = 0, scheduledSampling = 0, distillation }: SequenceLossOptions,
  { coverage }: SequenceToSequenceConfig['decoder'],
): void {
  numberIn(coverageLoss, '[0,Infinity)', 'coverageLoss');
  if (coverageLoss > 0 && !coverage) {
    throw new InputError(expected('coverageLoss', '0 for a model without coverage', coverageLoss));
  }
  numberIn(consistency, '[0,Infinity)', 'consistency');
  numberIn(scheduledSampling, '[0,1]', 'scheduledSampling');
  if (distillation) numberIn(distillation.weight, '[0,1]', 'distillation.weight');
}

/**
 * The mean loss of predictions, and the cross entropy of each, as {@link SequenceToSequence.loss} gives them. With consistency the rows
 * of a second pass stand below those of the first.
 *
 * logits [B, T, V], targets int32 [B, T] -> loss [], losses [B * T]
 */
export function predictionLoss(
  { logits, overlap }: Pick<AttentionDecodeResult, 'logits' | 'overlap'>,
  targets: tf.Tensor,
  options: SequenceLossOptions,
): { loss: tf.Scalar; losses: tf.Tensor1D } {
  const { labelSmoothing = 0, coverageLoss = 0, consistency = 0, distillation } = options;
  const { B, T, V } = assertShape(logits, ['B', 'T', 'V'], 'logits');
  assertShape(targets, [B, T], 'targets');
  const N = B * T;
  const labels = tf.reshape(targets, [N]);
  const rows = tf.reshape(logits, [N, V]);
  const losses = softmaxCrossEntropy(rows, labels, { smoothing: labelSmoothing });
  let loss = maskedMean(losses, labels);
  if (distillation) {
    const teacher = consistency > 0 ? twice(distillation, ['ids', 'probabilities']) : distillation;
    const difference = maskedMean(teacherDifference(rows, labels, teacher), labels);
    loss = tf.add(loss, tf.mul(difference, distillation.weight * (1 - labelSmoothing)));
  }
  if (consistency > 0) {
    const once = tf.slice(labels, 0, N / 2);
    loss = tf.add(loss, tf.mul(maskedMean(consistencyLoss(rows, once), once), consistency / 2));
  }
  if (overlap && coverageLoss > 0) {
    loss = tf.add(loss, tf.mul(maskedMean(tf.reshape(overlap, [N]), labels), coverageLoss));
  }
  return { loss, losses };
}

/** Each row two times, the second pass's rows below those of the first. */
export function twice<Name extends string>(
  batch: Record<Name, tf.Tensor>,
  names: readonly Name[],
): Record<Name, tf.Tensor> {
  const doubled = names.map((name) => [name, tf.concat([batch[name], batch[name]])]);
  return Object.fromEntries(doubled) as Record<Name, tf.Tensor>;
}
