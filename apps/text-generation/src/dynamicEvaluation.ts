import { ConfigError, expected, type RecurrentLanguageModel, eventLoopTurn } from '@cadenza/core';
import * as tf from '@tensorflow/tfjs-core';
import type { ReadingOptions, TextLoss } from './evaluate.js';

export interface DynamicEvaluationOptions extends ReadingOptions {
  /** Tokens after which the weights are updated. */
  segment?: number;
  /** η, the learning rate. */
  rate?: number;
  /** λ, how strongly the weights are drawn back to the trained ones. */
  decay?: number;
  /** ε beside the gradients' root mean square. */
  epsilon?: number;
  /** Text of the training part, for the gradients' mean squares. */
  statistics: Int32Array;
  /** Segments of it that are read. */
  statisticsSegments?: number;
}

/**
 * The loss of a text while the weights follow what is read (Krause et al. 2018, "Dynamic Evaluation of Neural Sequence
 * Models", section 4, equations 4 to 8). After each segment s_i, whose loss is counted with the weights before it:
 *
 *     θ ← θ − η ∇L(s_i) / (√MS + ε) + λ (θ_g − θ) ⊙ √MS / mean(√MS)
 *
 * MS is the mean of the squared gradients over segments of the training text, θ_g the trained weights. The last factor is
 * at most 1/λ. The model's weights are put back at the end.
 */
export async function dynamicStreamLoss(
  model: RecurrentLanguageModel,
  ids: Int32Array,
  options: DynamicEvaluationOptions,
): Promise<TextLoss> {
  const { segment = 20, rate = 1e-4, decay = 2e-3, epsilon = 1e-5, onProgress, signal } = options;
  for (const [name, value] of Object.entries({ rate, decay })) {
    if (!(value >= 0 && value < Infinity)) throw new ConfigError(expected(name, 'a number of at least 0', value));
  }
  const variables = [...model.parameters.values()];
  const trained = variables.map((variable) => tf.clone(variable));
  const roots = await gradientRoots(model, options);
  const mean = meanOf(roots);
  const scales = roots.map((root) => tf.tidy(() => tf.minimum(tf.div(root, mean), 1 / Math.max(decay, 1e-12))));
  let nats = 0;
  let state = model.initialState(1);
  const predictions = ids.length - 1;
  for (let start = 0; start < predictions && !signal?.aborted; start += segment) {
    const length = Math.min(segment, predictions - start);
    const read = segmentGradients(model, ids, start, length, state);
    nats += read.nats;
    tf.dispose(state);
    state = read.state;
    tf.tidy(() => {
      variables.forEach((variable, index) => {
        const gradient = read.gradients[index];
        const descent = tf.div(tf.mul(gradient, rate), tf.add(roots[index], epsilon));
        const back = tf.mul(tf.mul(tf.sub(trained[index], variable), decay), scales[index]);
        variable.assign(tf.add(tf.sub(variable, descent), back));
      });
    });
    tf.dispose(read.gradients);
    onProgress?.(start + length);
    await eventLoopTurn();
  }
  variables.forEach((variable, index) => variable.assign(trained[index] as tf.Tensor<tf.Rank>));
  tf.dispose([...state, ...trained, ...roots, ...scales]);
  return { nats, predictions };
}

/** √MS of each parameter over segments of the training text. */
async function gradientRoots(
  model: RecurrentLanguageModel,
  { statistics, segment = 20, statisticsSegments = 200, signal }: DynamicEvaluationOptions,
): Promise<tf.Tensor[]> {
  let squares = [...model.parameters.values()].map((variable) => tf.zerosLike(variable) as tf.Tensor);
  let state = model.initialState(1);
  const count = Math.max(1, Math.min(statisticsSegments, Math.floor((statistics.length - 1) / segment)));
  for (let index = 0; index < count && !signal?.aborted; index++) {
    const length = Math.min(segment, statistics.length - 1);
    const read = segmentGradients(model, statistics, index * segment, length, state);
    tf.dispose(state);
    state = read.state;
    const next = squares.map((square, at) =>
      tf.tidy(() => tf.add(square, tf.div(tf.square(read.gradients[at]), count))),
    );
    tf.dispose([...squares, ...read.gradients]);
    squares = next;
    await eventLoopTurn();
  }
  const roots = squares.map((square) => tf.sqrt(square));
  tf.dispose([...squares, ...state]);
  return roots;
}

/** The mean over all elements of all parameters. */
function meanOf(tensors: tf.Tensor[]): number {
  let sum = 0;
  let count = 0;
  for (const tensor of tensors) {
    sum += tf.tidy(() => tf.sum(tensor).dataSync()[0]);
    count += tensor.size;
  }
  return sum / count;
}

function segmentGradients(
  model: RecurrentLanguageModel,
  ids: Int32Array,
  start: number,
  length: number,
  state: tf.Tensor[],
): { nats: number; gradients: tf.Tensor[]; state: tf.Tensor[] } {
  const variables = [...model.parameters.values()];
  let next: tf.Tensor[] = [];
  const { value, grads } = tf.tidy(() => {
    const inputs = tf.tensor2d(ids.subarray(start, start + length), [1, length], 'int32');
    const targets = tf.tensor2d(ids.subarray(start + 1, start + 1 + length), [1, length], 'int32');
    return tf.variableGrads(() => {
      const result = model.loss(inputs, targets, state);
      next = result.state.map((tensor) => tf.keep(tf.clone(tensor)));
      return result.loss as tf.Scalar;
    }, variables);
  });
  const nats = value.dataSync()[0] * length;
  value.dispose();
  return { nats, gradients: variables.map((variable) => grads[variable.name]), state: next };
}
