import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Floats } from './algebra.js';
import type { AttentionScore } from './attention.js';
import { checkLengths, makeOutput, readFloats, readIntegers, type DataBackend, type Kernel } from './kernel.js';

/** The arguments of the walks below, in the letters of {@link attention}. */
export interface AttentionData {
  B: number;
  T: number;
  S: number;
  H: number;
  C: number;
  score: AttentionScore;
  scale: number;
  query: Floats;
  keys: Floats;
  values: Floats;
  vector?: Floats;
  lengths?: Int32Array;
}

/** context [B, T, C] and weights [B, T, S] */
export function attend(data: AttentionData): { context: Floats; weights: Floats } {
  const { B, T, S, C, values } = data;
  const context = allocate(data, B * T * C);
  const weights = allocate(data, B * T * S);
  for (let b = 0; b < B; b++) {
    const length = data.lengths?.[b] ?? S;
    for (let t = b * T; t < (b + 1) * T; t++) {
      for (let s = 0; s < length; s++) weights[t * S + s] = scoreOf(data, t, b * S + s);
      softmaxInPlace(weights, t * S, length);
      for (let s = 0; s < length; s++) {
        const weight = weights[t * S + s];
        const value = (b * S + s) * C;
        for (let c = 0; c < C; c++) context[t * C + c] += weight * values[value + c];
      }
    }
  }
  return { context, weights };
}

/** e_ts of the query in row t of all queries, and the key in row s of all keys. */
function scoreOf({ H, score, scale, query, keys, vector }: AttentionData, t: number, s: number): number {
  const [q, k] = [t * H, s * H];
  let sum = 0;
  if (score === 'dot') {
    for (let h = 0; h < H; h++) sum += query[q + h] * keys[k + h];
    return scale * sum;
  }
  for (let h = 0; h < H; h++) sum += vector![h] * Math.tanh(query[q + h] + keys[k + h]);
  return sum;
}

function softmaxInPlace(row: Floats, start: number, size: number): void {
  let largest = -Infinity;
  for (let e = start; e < start + size; e++) largest = Math.max(largest, row[e]);
  let sum = 0;
  for (let e = start; e < start + size; e++) sum += row[e] = Math.exp(row[e] - largest);
  for (let e = start; e < start + size; e++) row[e] /= sum;
}

export interface AttentionGradients {
  query: Floats;
  keys: Floats;
  values: Floats;
  vector?: Floats;
}

/**
 * The gradients of {@link attend}, from those of its context and (where given) of its weights:
 *
 *     dalpha_ts = dcontext_t . value_s + dweights_ts          dvalue_s = sum_t alpha_ts dcontext_t
 *     de_ts = alpha_ts (dalpha_ts - sum_r alpha_tr dalpha_tr)
 *     'dot':       dq_t = scale sum_s de_ts k_s               dk_s = scale sum_t de_ts q_t
 *     'additive':  u = tanh(q_t + k_s), g_ts = de_ts v (1 - u^2); dq_t = sum_s g_ts, dk_s = sum_t g_ts, dv = sum_ts de_ts u
 */
export function attendGradient(
  data: AttentionData,
  weights: Floats,
  dcontext: Floats,
  dweights?: Floats,
): AttentionGradients {
  const { B, T, S, C } = data;
  const d: AttentionGradients = {
    query: allocate(data, data.query.length),
    keys: allocate(data, data.keys.length),
    values: allocate(data, data.values.length),
    vector: data.vector && new Float64Array(data.vector.length), // a sum over all pairs of the batch
  };
  const dscores = new Float64Array(S);
  for (let b = 0; b < B; b++) {
    const length = data.lengths?.[b] ?? S;
    for (let t = b * T; t < (b + 1) * T; t++) {
      let mean = 0;
      for (let s = 0; s < length; s++) {
        const weight = weights[t * S + s];
        const value = (b * S + s) * C;
        let dalpha = dweights ? dweights[t * S + s] : 0;
        for (let c = 0; c < C; c++) {
          dalpha += dcontext[t * C + c] * data.values[value + c];
          d.values[value + c] += weight * dcontext[t * C + c];
        }
        dscores[s] = dalpha;
        mean += weight * dalpha;
      }
      for (let s = 0; s < length; s++)
        addScoreGradient(data, d, t, b * S + s, weights[t * S + s] * (dscores[s] - mean));
    }
  }
  if (!d.vector) return d;
  const vector = allocate(data, d.vector.length);
  vector.set(d.vector);
  return { ...d, vector };
}

/** Adds what the gradient `de` of one score gives to those of its query, its key and the vector. */
function addScoreGradient(data: AttentionData, d: AttentionGradients, t: number, s: number, de: number): void {
  const { H, query, keys, vector } = data;
  const [q, k] = [t * H, s * H];
  if (data.score === 'dot') {
    const scaled = data.scale * de;
    for (let h = 0; h < H; h++) {
      d.query[q + h] += scaled * keys[k + h];
      d.keys[k + h] += scaled * query[q + h];
    }
    return;
  }
  for (let h = 0; h < H; h++) {
    const unit = Math.tanh(query[q + h] + keys[k + h]);
    const through = de * vector![h] * (1 - unit * unit);
    d.query[q + h] += through;
    d.keys[k + h] += through;
    d.vector![h] += de * unit;
  }
}

/** Zeros of the type that the data has: float32 in use, float64 where a test takes finite differences. */
function allocate({ query }: AttentionData, size: number): Floats {
  return new (query.constructor as Float32ArrayConstructor)(size);
}

export const attentionKernel: Kernel = ({ inputs, attrs, backend }) => {
  const data = readData(inputs, attrs, backend);
  const { B, T, S, C } = data;
  const { context, weights } = attend(data);
  return [
    makeOutput(backend, context as Float32Array, [B, T, C]),
    makeOutput(backend, weights as Float32Array, [B, T, S]),
  ];
};

/** dquery, dkeys, dvalues and, with 'additive', dvector */
export const attentionGradKernel: Kernel = ({ inputs, attrs, backend }) => {
  const data = readData(inputs, attrs, backend);
  const [weights, dcontext] = [inputs.weights, inputs.dcontext].map((info) => readFloats(backend, info));
  const dweights = inputs.dweights && readFloats(backend, inputs.dweights);
  const gradients = attendGradient(data, weights, dcontext, dweights);
  const names = ['query', 'keys', 'values', 'vector'] as const;
  return names
    .filter((name) => inputs[name])
    .map((name) => makeOutput(backend, gradients[name] as Float32Array, inputs[name].shape));
};

function readData(
  inputs: Record<string, TensorInfo>,
  attrs: Record<string, unknown>,
  backend: DataBackend,
): AttentionData {
  const { score, scale } = attrs as { score: AttentionScore; scale: number };
  const [B, T, H] = inputs.query.shape;
  const [, S, C] = inputs.values.shape;
  const [query, keys, values] = [inputs.query, inputs.keys, inputs.values].map((info) => readFloats(backend, info));
  const vector = inputs.vector && readFloats(backend, inputs.vector);
  const lengths = inputs.lengths && readIntegers(backend, inputs.lengths);
  if (lengths) checkLengths(lengths, S);
  return { ...{ B, T, S, H, C, score, scale, query, keys, values }, vector, lengths };
}
