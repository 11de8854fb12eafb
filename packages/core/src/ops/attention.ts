import * as tf from '@tensorflow/tfjs-core';
import { ConfigError, expected } from '../errors.js';
import { positiveInteger, refuseUnknown } from '../options.js';
import { assertShape, assertType, type Sizes } from '../shapes.js';
import { differentiable, isRecording, runKernel, type Save } from './customOp.js';

/** How a query is compared with a key: by their inner product, or by a layer of tanh units. */
export type AttentionScore = 'dot' | 'additive';

export interface AttentionOptions {
  score: AttentionScore;
  /** Multiplies the inner products, 1 when absent: 1 / sqrt(H) makes the scaled dot product. With 'dot' only. */
  scale?: number;
  /** [H]: the weights v of the tanh units. With 'additive', which needs it. */
  vector?: tf.Tensor;
  /** int32 [B]: positions from there on weigh exactly 0, receive no gradient and are not read; a row of length 0 gives zeros */
  lengths?: tf.Tensor;
  /** N, of which H and C are multiples: each head looks up its own part of the queries, keys and values. 1 when absent. */
  heads?: number;
  /** Let gradients flow through `weights` too, which coverage uses. False when absent: `weights` then is a constant to them. */
  needWeightsGradient?: boolean;
}

export type AttentionResult = {
  /** [B, T, C] */
  context: tf.Tensor3D;
  /** [B, T, S], each row of which adds up to 1; of several heads the mean */
  weights: tf.Tensor3D;
};

/**
 * What each query finds among the keys: the mean of the values, weighted by how well their keys fit, in one kernel.
 *
 *     e_ts = scale * (q_t . k_s)             'dot': Luong, Pham and Manning 2015, equation 8; with scale = 1 / sqrt(H) Vaswani
 *                                            et al. 2017, equation 1
 *     e_ts = v . tanh(q_t + k_s)             'additive': Bahdanau, Cho and Bengio 2015, appendix A.1.2, with q = W s and k = U h
 *     alpha_ts = exp e_ts / sum_r exp e_tr   over the positions s, r below the row's length
 *     context_t = sum_s alpha_ts value_s
 *
 * query [B, T, H], keys [B, S, H], values [B, S, C] -> context [B, T, C], weights [B, T, S]
 *
 * With N `heads` (Vaswani et al. 2017, section 3.2.2) all of it is done N times, head n with numbers n H/N to (n + 1) H/N of queries, keys
 * and vector and n C/N to (n + 1) C/N of the values, which give the same numbers of the context.
 */
export function attention(
  query: tf.Tensor,
  keys: tf.Tensor,
  values: tf.Tensor,
  options: AttentionOptions,
): AttentionResult {
  checkAttention(query, keys, values, options);
  const { score, scale = 1, vector, lengths, heads = 1, needWeightsGradient = false } = options;
  const inputs: Record<string, tf.Tensor> = { query, keys, values };
  if (vector) inputs.vector = vector;
  if (lengths) inputs.lengths = lengths;
  return tf.tidy('attention', () => {
    const [context, weights] = run(inputs, { score, scale, heads }, needWeightsGradient); // weights [B, N, T, S]
    const mean = heads === 1 ? tf.squeeze(weights, [1]) : tf.mean(weights, 1);
    return { context: context as tf.Tensor3D, weights: mean as tf.Tensor3D };
  });
}

function run(inputs: Record<string, tf.Tensor>, attrs: object, needWeightsGradient: boolean): tf.Tensor[] {
  if (!isRecording()) return runKernel('CadenzaAttention', inputs, attrs);
  const names = Object.keys(inputs);
  let constant: tf.Tensor | undefined;
  const forward = (save: Save): tf.Tensor[] => {
    const [context, weights] = runKernel('CadenzaAttention', inputs, attrs);
    save([...names.map((name) => inputs[name]), weights]);
    if (needWeightsGradient) return [context, weights];
    constant = tf.keep(weights);
    return [context];
  };
  const backward = (dys: tf.Tensor[], saved: tf.Tensor[]) => {
    const given: Record<string, tf.Tensor> = { weights: saved[names.length], dcontext: dys[0] };
    if (needWeightsGradient) given.dweights = dys[1];
    names.forEach((name, index) => (given[name] = saved[index]));
    const results = runKernel('CadenzaAttentionGrad', given, attrs);
    const receivers = ['query', 'keys', 'values', 'vector'].filter((name) => inputs[name]);
    return Object.fromEntries(receivers.map((name, index) => [name, results[index]]));
  };
  const outputs = differentiable(inputs, forward, backward);
  if (!constant) return outputs;
  const weights = tf.clone(constant);
  constant.dispose();
  return [outputs[0], weights];
}

function checkAttention(query: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, options: AttentionOptions): void {
  refuseUnknown('attention', options, ['score', 'scale', 'vector', 'lengths', 'heads', 'needWeightsGradient']);
  const { score, scale, vector, lengths, heads = 1 } = options;
  if (score !== 'dot' && score !== 'additive') throw new ConfigError(expected('score', '"dot" or "additive"', score));
  if (scale !== undefined && (score !== 'dot' || !Number.isFinite(scale))) {
    throw new ConfigError(expected('scale', score === 'dot' ? 'a finite number' : 'absent with "additive"', scale));
  }
  if ((vector !== undefined) !== (score === 'additive')) {
    const requirement = score === 'dot' ? 'absent with "dot"' : 'given with "additive"';
    throw new ConfigError(expected('vector', requirement, vector ? 'a tensor' : undefined));
  }
  positiveInteger(heads, 'heads');
  const sizes: Sizes = {};
  for (const [name, tensor, shape] of [
    ['query', query, ['B', 'T', 'H']],
    ['keys', keys, ['B', 'S', 'H']],
    ['values', values, ['B', 'S', 'C']],
    ['vector', vector, ['H']],
    ['lengths', lengths, ['B']],
  ] as const) {
    if (!tensor) continue;
    assertType(tensor, name === 'lengths' ? 'int32' : 'float32', name);
    assertShape(tensor, shape, name, sizes);
  }
  for (const [name, size] of [
    ['keys', sizes.H],
    ['values', sizes.C],
  ] as const) {
    if (size % heads === 0) continue;
    throw new ConfigError(expected('heads', `a divisor of the width of the ${name}, ${size}`, heads));
  }
}
