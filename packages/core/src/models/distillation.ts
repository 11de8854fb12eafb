import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected, InputError } from '../errors.js';
import { checkId } from '../ops/embedding.js';
import { embeddingLookup, topLogProbabilities } from '../ops/index.js';
import { assertShape, assertType } from '../shapes.js';
import type { PairBatch, SequenceToSequence } from './sequenceToSequence.js';

/** What teachers say of the target tokens of a batch: the K most probable tokens of each place. */
export interface TeacherPredictions {
  /** int32 [B, T, K] */
  ids: tf.Tensor;
  /** [B, T, K], of each place adding up to 1 */
  probabilities: tf.Tensor;
}

/**
 * What trained models, their probabilities averaged, say of each target token after the true tokens before it: the K most probable
 * ones, whose probabilities are made to add up to 1. Few hold nearly all of the probability, and take thousands of times less memory
 * than all (Tan et al. 2019, "Multilingual Neural Machine Translation with Knowledge Distillation", section 3.3, keep 8). The caller
 * frees both tensors.
 *
 * @param models of one target vocabulary, which read the batch's ids alike
 * @param count K, from 1 to the size of the vocabulary
 */
export function teacherPredictions(
  models: readonly SequenceToSequence[],
  batch: PairBatch,
  count: number,
): TeacherPredictions {
  if (models.length === 0) throw new ConfigError('Expected at least one teacher, got none');
  const V = models[0].config.targetVocabularySize;
  for (const { config } of models) {
    if (config.targetVocabularySize === V) continue;
    const what = 'the targetVocabularySize of every teacher';
    throw new ConfigError(expected(what, `that of the first, ${V}`, config.targetVocabularySize));
  }
  return tf.tidy(() => {
    const { B, T } = assertShape(batch.targets, ['B', 'T'], 'targets');
    const logits = models.map(
      (model) => () => tf.tidy(() => tf.reshape(model.forward(batch).logits, [B * T, V]) as tf.Tensor2D),
    );
    const average = logits.length === 1 ? logits[0]() : meanLogProbabilities(logits);
    const { values, ids } = topLogProbabilities(average, count); // [B * T, K]
    return {
      ids: tf.reshape(ids, [B, T, count]),
      probabilities: tf.reshape(tf.softmax(values), [B, T, count]),
    };
  });
}

/**
 * log((1/M) sum_m softmax(logits_m)), of one model's logits after another's: those of a whole batch, over a vocabulary, are too large to
 * be kept of all models. [N, V] of each -> [N, V]
 */
export function meanLogProbabilities(logits: readonly (() => tf.Tensor2D)[]): tf.Tensor2D {
  return tf.tidy(() => {
    const sum = logits.reduce<tf.Tensor2D | undefined>((before, next) => {
      const after = tf.tidy(() => {
        const probabilities = tf.softmax(next());
        return before ? tf.add<tf.Tensor2D>(before, probabilities) : probabilities;
      });
      before?.dispose();
      return after;
    }, undefined);
    return tf.log(tf.div<tf.Tensor2D>(sum!, logits.length));
  });
}

/**
 * By how much the cross entropy against what teachers say is above that against the labels, which is 0 where they agree:
 *
 *     logits[label] - sum_k probabilities_k logits[ids_k]
 *
 * so that CE + weight times it is the cross entropy against (1 - weight) [v = label] + weight q_v, of labels and teachers mixed
 * (Hinton, Vinyals and Dean 2015, section 2; Kim and Rush 2016, section 3.1). What is smoothed is that mixture.
 *
 * logits [N, V], labels int32 [N] (-1 ignores the row), ids int32 and probabilities [B, T, K] with B T = N -> [N]
 */
export function teacherDifference(logits: tf.Tensor, labels: tf.Tensor, teacher: TeacherPredictions): tf.Tensor1D {
  const { N, V } = assertShape(logits, ['N', 'V'], 'logits');
  assertType(teacher.ids, 'int32', 'the ids of the teacher');
  assertType(teacher.probabilities, 'float32', 'the probabilities of the teacher');
  const { B, T, K } = assertShape(teacher.ids, ['B', 'T', 'K'], 'the ids of the teacher');
  assertShape(teacher.probabilities, [B, T, K], 'the probabilities of the teacher');
  teacher.ids.dataSync<'int32'>().forEach((id, position) => checkId(id, V, position));
  if (B * T !== N) throw new InputError(expected('the teacher', `what it says of ${N} tokens`, B * T));
  return tf.tidy(() => {
    const column = tf.reshape(labels, [N, 1]);
    const counted = tf.cast(tf.greaterEqual(column, 0), 'float32'); // [N, 1]
    const classes = tf.concat([tf.maximum(column, tf.scalar(0, 'int32')), tf.reshape(teacher.ids, [N, K])], 1); // [N, 1 + K]
    const shares = tf.concat([tf.onesLike(counted), tf.neg(tf.reshape(teacher.probabilities, [N, K]))], 1);
    const firsts = tf.reshape(tf.range(0, N * V, V, 'int32'), [N, 1]); // where each row begins in logits as one row
    // A gather's gradient takes time for each of the N V logits on some backends, a lookup's for each of those that are chosen.
    const rows = embeddingLookup(tf.reshape(logits, [N * V, 1]), tf.add(classes, firsts)); // [N, 1 + K, 1]
    const chosen = tf.reshape(rows, [N, 1 + K]);
    const weighted = tf.mul(chosen, tf.mul(shares, counted));
    return tf.sum(weighted, 1) as tf.Tensor1D;
  });
}
