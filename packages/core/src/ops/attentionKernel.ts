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
  /** N, of which H and C are multiples */
  heads: number;
  score: AttentionScore;
  scale: number;
  query: Floats;
  keys: Floats;
  values: Floats;
  vector?: Floats;
  lengths?: Int32Array;
}

/** A query of one head: how many positions it sees, and where its weights, its parts of the rows and those of position 0 begin. */
interface Look {
  length: number;
  weights: number;
  query: number;
  key: number;
  context: number;
  value: number;
  /** Where the head's part of a row of H begins. */
  unit: number;
}

function* looks({ B, T, S, H, C, heads, lengths }: AttentionData): Generator<Look> {
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < heads; n++) {
      const [unit, column] = [(n * H) / heads, (n * C) / heads];
      for (let t = 0; t < T; t++) {
        const row = b * T + t;
        yield {
          length: lengths?.[b] ?? S,
          weights: ((b * heads + n) * T + t) * S,
          query: row * H + unit,
          key: b * S * H + unit,
          context: row * C + column,
          value: b * S * C + column,
          unit,
        };
      }
    }
  }
}

/** context [B, T, C] and weights [B, N, T, S] */
export function attend(data: AttentionData): { context: Floats; weights: Floats } {
  const { B, T, S, C, heads, values } = data;
  const context = allocate(data, B * T * C);
  const weights = allocate(data, B * heads * T * S);
  const width = C / heads;
  for (const look of looks(data)) {
    for (let s = 0; s < look.length; s++) weights[look.weights + s] = scoreOf(data, look, s);
    softmaxInPlace(weights, look.weights, look.length);
    const found = look.context;
    for (let s = 0; s < look.length; s++) {
      const weight = weights[look.weights + s];
      const value = look.value + s * C;
      for (let c = 0; c < width; c++) context[found + c] += weight * values[value + c];
    }
  }
  return { context, weights };
}

/** e_ts of a query and the key at position s. */
function scoreOf({ H, heads, score, scale, query, keys, vector }: AttentionData, look: Look, s: number): number {
  const q = look.query;
  const k = look.key + s * H;
  const v = look.unit;
  const width = H / heads;
  let sum = 0;
  if (score === 'dot') {
    for (let h = 0; h < width; h++) sum += query[q + h] * keys[k + h];
    return scale * sum;
  }
  for (let h = 0; h < width; h++) sum += vector![v + h] * Math.tanh(query[q + h] + keys[k + h]);
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
  const { S, C, heads, values } = data;
  const d: AttentionGradients = {
    query: allocate(data, data.query.length),
    keys: allocate(data, data.keys.length),
    values: allocate(data, data.values.length),
    vector: data.vector && new Float64Array(data.vector.length), // a sum over all pairs of the batch
  };
  const dscores = new Float64Array(S);
  const dvalues = d.values;
  const width = C / heads;
  for (const look of looks(data)) {
    const found = look.context;
    let mean = 0;
    for (let s = 0; s < look.length; s++) {
      const weight = weights[look.weights + s];
      const value = look.value + s * C;
      let dalpha = dweights ? dweights[look.weights + s] : 0;
      for (let c = 0; c < width; c++) {
        dalpha += dcontext[found + c] * values[value + c];
        dvalues[value + c] += weight * dcontext[found + c];
      }
      dscores[s] = dalpha;
      mean += weight * dalpha;
    }
    for (let s = 0; s < look.length; s++)
      addScoreGradient(data, d, look, s, weights[look.weights + s] * (dscores[s] - mean));
  }
  if (!d.vector) return d;
  const vector = allocate(data, d.vector.length);
  vector.set(d.vector);
  return { ...d, vector };
}

/** Adds what the gradient `de` of one score gives to those of its query, its key and the vector. */
function addScoreGradient(data: AttentionData, d: AttentionGradients, look: Look, s: number, de: number): void {
  const { H, heads, query, keys, vector } = data;
  const { query: dquery, keys: dkeys } = d;
  const q = look.query;
  const k = look.key + s * H;
  const v = look.unit;
  const width = H / heads;
  if (data.score === 'dot') {
    const scaled = data.scale * de;
    for (let h = 0; h < width; h++) {
      dquery[q + h] += scaled * keys[k + h];
      dkeys[k + h] += scaled * query[q + h];
    }
    return;
  }
  for (let h = 0; h < width; h++) {
    const unit = Math.tanh(query[q + h] + keys[k + h]);
    const through = de * vector![v + h] * (1 - unit * unit);
    dquery[q + h] += through;
    dkeys[k + h] += through;
    d.vector![v + h] += de * unit;
  }
}

/** Zeros of the type that the data has: float32 in use, float64 where a test takes finite differences. */
function allocate({ query }: AttentionData, size: number): Floats {
  return new (query.constructor as Float32ArrayConstructor)(size);
}

export const attentionKernel: Kernel = ({ inputs, attrs, backend }) => {
  const data = readData(inputs, attrs, backend);
  const { B, T, S, C, heads } = data;
  const { context, weights } = attend(data);
  return [
    makeOutput(backend, context as Float32Array, [B, T, C]),
    makeOutput(backend, weights as Float32Array, [B, heads, T, S]),
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
  const { score, scale, heads } = attrs as { score: AttentionScore; scale: number; heads: number };
  const [B, T, H] = inputs.query.shape;
  const [, S, C] = inputs.values.shape;
  const [query, keys, values] = [inputs.query, inputs.keys, inputs.values].map((info) => readFloats(backend, info));
  const vector = inputs.vector && readFloats(backend, inputs.vector);
  const lengths = inputs.lengths && readIntegers(backend, inputs.lengths);
  if (lengths) checkLengths(lengths, S);
  return { ...{ B, T, S, H, C, heads, score, scale, query, keys, values }, vector, lengths };
}
