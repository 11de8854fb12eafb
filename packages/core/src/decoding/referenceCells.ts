import { referenceProduct, type ReferenceMatrix } from './referenceProduct.js';
import type { StepLayer } from './stepEngine.js';

/** A layer whose matrices are ready for the reference's products. */
export type ReferenceLayer = Omit<StepLayer, 'kernel' | 'recurrentKernel'> & {
  kernel: ReferenceMatrix;
  recurrentKernel: ReferenceMatrix;
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** keep * before + (1 - keep) * after, the expectation of zoneout. */
const mix = (keep: number | undefined, before: number, after: number): number =>
  keep ? keep * before + (1 - keep) * after : after;

/** One step of one text: moves the layer's states [h, c] or [h], given the input product x W [G]. */
export function cellStep(layer: ReferenceLayer, xW: Float32Array, state: readonly Float32Array[]): void {
  if (layer.cell === 'lstm') lstmStep(layer, xW, state[0], state[1]);
  else if (layer.cell === 'gru') gruStep(layer, xW, state[0]);
  else rnnStep(layer, xW, state[0]);
}

function lstmStep(layer: ReferenceLayer, xW: Float32Array, h: Float32Array, c: Float32Array): void {
  const { units: H, bias, zoneoutH, zoneoutC } = layer;
  const hU = referenceProduct(h, layer.recurrentKernel); // [4H]
  const z = (gate: number, unit: number): number => {
    const at = gate * H + unit;
    return xW[at] + hU[at] + bias[at];
  };
  for (let unit = 0; unit < H; unit++) {
    const i = sigmoid(z(0, unit));
    const f = sigmoid(z(1, unit));
    const g = Math.tanh(z(2, unit));
    const o = sigmoid(z(3, unit));
    const next = f * c[unit] + i * g;
    h[unit] = mix(zoneoutH, h[unit], o * Math.tanh(next));
    c[unit] = mix(zoneoutC, c[unit], next);
  }
}

function gruStep(layer: ReferenceLayer, xW: Float32Array, h: Float32Array): void {
  const { units: H, bias, recurrentKernel, zoneoutH } = layer;
  const after = layer.resetAfter ?? true;
  const hU = referenceProduct(h, recurrentKernel); // [3H]
  const recurrentBias = (at: number): number => (after ? bias[3 * H + at] : 0);
  const gate = (at: number): number => sigmoid(xW[at] + bias[at] + hU[at] + recurrentBias(at));
  const z = Float32Array.from({ length: H }, (_, unit) => gate(unit));
  const r = Float32Array.from({ length: H }, (_, unit) => gate(H + unit));
  const reset = h.map((value, unit) => r[unit] * value);
  const hUn = after ? hU : referenceProduct(reset, recurrentKernel);
  for (let unit = 0; unit < H; unit++) {
    const at = 2 * H + unit;
    const recurrent = after ? r[unit] * (hUn[at] + recurrentBias(at)) : hUn[at];
    const n = Math.tanh(xW[at] + bias[at] + recurrent);
    h[unit] = mix(zoneoutH, h[unit], z[unit] * h[unit] + (1 - z[unit]) * n);
  }
}

function rnnStep(layer: ReferenceLayer, xW: Float32Array, h: Float32Array): void {
  const { bias, activation, zoneoutH } = layer;
  const hU = referenceProduct(h, layer.recurrentKernel); // [H]
  for (let unit = 0; unit < layer.units; unit++) {
    const z = xW[unit] + hU[unit] + bias[unit];
    h[unit] = mix(zoneoutH, h[unit], activation === 'relu' ? Math.max(0, z) : Math.tanh(z));
  }
}
