import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { refuseUnknown } from '../options.js';
import { assertShape, assertType } from '../shapes.js';
import { differentiable, isRecording, runKernel } from './customOp.js';

export interface CtcLossOptions {
  /** The class that stands for no label; 0 when absent. */
  blank?: number;
  /** Gives rows whose labels cannot be aligned a loss of 0 and no gradient, in place of infinity. */
  zeroInfinity?: boolean;
}

/**
 * Connectionist temporal classification: the negative log-probability of each row's labels, in nats, summed over all
 * alignments (Graves, Fernandez, Gomez and Schmidhuber 2006, equations 6 to 16; with the softmax inside as in Graves 2012,
 * section 7.4).
 *
 * y_t = softmax(logits_t), and l' is the row of labels l with a blank before, between and after them, |l'| = 2 |l| + 1:
 *
 *     alpha_t(s) = y_t(l'_s) (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [l'_s is no blank and not l'_{s-2}] alpha_{t-1}(s-2))
 *     beta_t(s)  = the same backwards, without y_t(l'_s)
 *     p(l | x)   = sum_s alpha_t(s) beta_t(s), for each t          loss = -log p(l | x)
 *     dlogits_t(k) = y_t(k) - sum_{s: l'_s = k} alpha_t(s) beta_t(s) / p(l | x)
 *
 * All of it in log space. Labels that no alignment reaches (fewer frames than labels and the blanks between equal ones) have
 * the loss infinity and a gradient of NaN, unless `zeroInfinity`; no labels are all blanks, and no frames are nothing but no
 * labels. What lies beyond a row's lengths is not read, and its gradient is 0.
 *
 * logits [B, F, V], labels int32 [B, L] padded with -1, frameLengths int32 [B], labelLengths int32 [B] -> losses [B]
 */
export function ctcLoss(
  logits: tf.Tensor,
  labels: tf.Tensor,
  frameLengths: tf.Tensor,
  labelLengths: tf.Tensor,
  options: CtcLossOptions = {},
): tf.Tensor1D {
  refuseUnknown('ctcLoss', options, ['blank', 'zeroInfinity']);
  const { blank = 0, zeroInfinity = false } = options;
  const sizes = assertShape(logits, ['B', 'F', 'V'], 'logits');
  assertType(logits, 'float32', 'logits');
  assertShape(labels, ['B', 'L'], 'labels', sizes);
  assertShape(frameLengths, ['B'], 'frameLengths', sizes);
  assertShape(labelLengths, ['B'], 'labelLengths', sizes);
  for (const [name, tensor] of Object.entries({ labels, frameLengths, labelLengths }))
    assertType(tensor, 'int32', name);
  if (!(Number.isInteger(blank) && blank >= 0 && blank < sizes.V)) {
    throw new ConfigError(expected('blank', `an integer of [0, ${sizes.V})`, blank));
  }
  return tf.tidy('ctcLoss', () => {
    const recording = isRecording();
    const [losses] = differentiable(
      { logits, labels, frameLengths, labelLengths },
      (save) => {
        // Losses and their gradients come from one pass: what the backward pass needs is a scale.
        const inputs = { logits, labels, frameLengths, labelLengths };
        const [losses, dlogits] = runKernel('CadenzaCTC', inputs, { blank, zeroInfinity, gradient: recording });
        if (recording) save([dlogits]);
        return [losses];
      },
      ([dy], [dlogits]) => ({ logits: () => tf.mul(dlogits, tf.reshape(dy, [-1, 1, 1])) }),
    );
    return losses as tf.Tensor1D;
  });
}
