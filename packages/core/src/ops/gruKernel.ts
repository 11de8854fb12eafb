import { GRU_OP } from './gru.js';
import { layerNormRow, layerNormRowGradient } from './layerNorm.js';
import {
  applyMask,
  forwardKernel,
  gradientKernel,
  inputGradients,
  inputProduct,
  isValid,
  normaliseRows,
  normaliseRowsGradient,
  previousStates,
  readSequence,
  rounded,
  sigmoid,
  sumRows,
  timeOf,
  weightGradient,
  type Algebra,
  type Floats,
  type KernelCall,
  type SequenceData,
} from './sequenceKernel.js';

export interface GruData extends SequenceData {
  resetAfter: boolean;
  zoneoutH: number;
}

export interface GruForward {
  y: Floats; // [B, T, H]
  h: Floats; // [B, H]
  gates: Floats; // [T, B, 4H]: z r n, and h U_n + b2_n with resetAfter (normalised where a norm is given), else r * h
}

/** The columns [from, to) of a matrix [rows, columns]. */
function columnsOf(values: Floats, rows: number, columns: number, from: number, to: number, algebra: Algebra): Floats {
  const out = algebra.allocate(rows * (to - from));
  for (let row = 0; row < rows; row++) {
    out.set(values.subarray(row * columns + from, row * columns + to), row * (to - from));
  }
  return out;
}

/** The forward walk; the equations stand at `gru`. */
export function gruForward(data: GruData, algebra: Algebra, saveReserve: boolean): GruForward {
  const { B, T, H, resetAfter, zoneoutH, floats } = data;
  const { recurrentMask, zoneoutMaskH, normInput, normRecurrent } = floats;
  const W = 3 * H;
  const bias = floats.bias!; // [2, 3H] or [3H]
  const x = inputProduct(data, algebra, W); // [B * T, 3H]
  normaliseRows(x, W, normInput);
  const U = floats.recurrentKernel!;
  const first = resetAfter ? W : 2 * H; // what is multiplied before the reset gate is known
  const Ufirst = algebra.matrix(resetAfter ? U : columnsOf(U, H, W, 0, 2 * H, algebra), H, first);
  const Un = resetAfter ? undefined : algebra.matrix(columnsOf(U, H, W, 2 * H, W, algebra), H, H);

  const y = algebra.allocate(B * T * H);
  const h = floats.h0!.slice(); // [B, H]
  const gates = algebra.allocate(saveReserve ? T * B * 4 * H : 0);
  const masked = algebra.allocate(B * H);
  const recurrent = algebra.allocate(B * first);
  const [z, reset, candidate] = [algebra.allocate(B * H), algebra.allocate(B * H), algebra.allocate(B * H)];

  for (let n = 0; n < T; n++) {
    const t = timeOf(data, n);
    const hm = applyMask(h, recurrentMask, masked);
    algebra.multiply(recurrent, hm, Ufirst, B);
    for (let b = 0; b < B; b++) {
      const uRow = b * first;
      const xRow = (b * T + t) * W;
      if (normRecurrent) layerNormRow(recurrent, uRow, first, normRecurrent, W);
      for (let j = 0; j < H; j++) {
        const at = b * H + j;
        const biasZ = resetAfter ? bias[j] + bias[W + j] : bias[j];
        const biasR = resetAfter ? bias[H + j] + bias[W + H + j] : bias[H + j];
        z[at] = sigmoid(x[xRow + j] + recurrent[uRow + j] + biasZ);
        const r = sigmoid(x[xRow + H + j] + recurrent[uRow + H + j] + biasR);
        // The fourth block: what the reset gate multiplies (resetAfter), or what it made of h.
        reset[at] = resetAfter ? recurrent[uRow + 2 * H + j] + bias[W + 2 * H + j] : r * hm[at];
        if (resetAfter) candidate[at] = r * reset[at];
        if (saveReserve && isValid(data, b, t)) gates[(t * B + b) * 4 * H + H + j] = r;
      }
    }
    if (Un) algebra.multiply(candidate, reset, Un, B);
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      const xRow = (b * T + t) * W + 2 * H;
      const gRow = (t * B + b) * 4 * H;
      if (Un && normRecurrent) layerNormRow(candidate, b * H, H, normRecurrent, W, 2 * H);
      for (let j = 0; j < H; j++) {
        const at = b * H + j;
        const out = (b * T + t) * H + j;
        const value = Math.tanh(x[xRow + j] + bias[2 * H + j] + candidate[at]);
        const next = z[at] * h[at] + (1 - z[at]) * value;
        const keep = zoneoutMaskH ? zoneoutMaskH[out] : zoneoutH;
        y[out] = h[at] = keep * h[at] + (1 - keep) * next;
        if (saveReserve) {
          gates[gRow + j] = z[at];
          gates[gRow + 2 * H + j] = value;
          gates[gRow + 3 * H + j] = reset[at];
        }
      }
    }
  }
  return { y, h, gates };
}

/** The gradients in the order of `GRU_OP.differentiable`, those of absent inputs left out. */
export function gruBackward(data: GruData, algebra: Algebra, needInputGradient: boolean): Floats[] {
  const { B, T, H, resetAfter, zoneoutH, floats } = data;
  const { recurrentMask, zoneoutMaskH, normInput, normRecurrent } = floats;
  const { dy, reserveGates: gates } = floats as Record<string, Floats>;
  const W = 3 * H;
  const U = floats.recurrentKernel!;
  const first = resetAfter ? W : 2 * H;
  const Ufirst = algebra.matrix(resetAfter ? U : columnsOf(U, H, W, 0, 2 * H, algebra), H, first);
  const Un = resetAfter ? undefined : algebra.matrix(columnsOf(U, H, W, 2 * H, W, algebra), H, H);

  const unmasked = previousStates(data, algebra, H, false); // h_{t-1}, [B * T, H]
  const previous = recurrentMask ? previousStates(data, algebra, H, true) : unmasked;
  const dx = algebra.allocate(B * T * W); // of x W + b
  const dfirst = algebra.allocate(B * T * first); // of the product before the reset gate, its norm and bias behind it
  const dnormRecurrent = normRecurrent && new Float64Array(2 * W);
  const raw = normRecurrent && algebra.allocate(B * T * first);
  if (raw) algebra.multiply(raw, previous, Ufirst, B * T);
  const dn = Un && algebra.allocate(B * T * H); // of the product after the reset gate
  const resetRows = Un && algebra.allocate(B * T * H); // r * h, batch-major
  if (resetRows) {
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const from = (t * B + b) * 4 * H + 3 * H;
        resetRows.set(gates.subarray(from, from + H), (b * T + t) * H);
      }
    }
  }
  const rawN = resetRows && normRecurrent && algebra.allocate(B * T * H);
  if (rawN) algebra.multiply(rawN, resetRows, Un!, B * T);
  const dbias2 = resetAfter ? new Float64Array(W) : undefined;

  const dh = floats.dhLast!.slice();
  const stepN = algebra.allocate(B * H);
  const stepFirst = algebra.allocate(B * first);
  const dreset = algebra.allocate(B * H);
  const back = algebra.allocate(B * H);
  const dhm = algebra.allocate(B * H); // of the masked h_{t-1}

  for (let n = T - 1; n >= 0; n--) {
    const t = timeOf(data, n);
    stepN.fill(0);
    stepFirst.fill(0);
    dhm.fill(0);
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      const gRow = (t * B + b) * 4 * H;
      const row = (b * T + t) * W;
      for (let j = 0; j < H; j++) {
        const at = (b * T + t) * H + j;
        const z = gates[gRow + j];
        const value = gates[gRow + 2 * H + j];
        const keep = zoneoutMaskH ? zoneoutMaskH[at] : zoneoutH;
        const total = dh[b * H + j] + dy[at];
        const dnext = (1 - keep) * total;
        dx[row + j] = dnext * (unmasked[at] - value) * z * (1 - z);
        dx[row + 2 * H + j] = stepN[b * H + j] = dnext * (1 - z) * (1 - value * value);
        dh[b * H + j] = keep * total + dnext * z;
      }
      if (rawN) {
        const start = (b * T + t) * H;
        layerNormRowGradient(stepN, rawN, b * H, H, normRecurrent!, dnormRecurrent!, W, 2 * H, start);
      }
    }
    if (Un) algebra.multiply(dreset, stepN, Un, B, { transposeB: true });
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      const gRow = (t * B + b) * 4 * H;
      const row = (b * T + t) * W;
      const fRow = b * first;
      for (let j = 0; j < H; j++) {
        const r = gates[gRow + H + j];
        const at = b * H + j;
        // The reset gate's factor: h U_n + b2_n, or the masked h itself.
        const dr = resetAfter ? stepN[at] * gates[gRow + 3 * H + j] : dreset[at] * previous[(b * T + t) * H + j];
        dx[row + H + j] = dr * r * (1 - r);
        stepFirst[fRow + j] = dx[row + j];
        stepFirst[fRow + H + j] = dx[row + H + j];
        if (resetAfter) stepFirst[fRow + 2 * H + j] = stepN[at] * r;
        else dhm[at] = dreset[at] * r;
      }
      if (dbias2) for (let w = 0; w < W; w++) dbias2[w] += stepFirst[fRow + w];
      if (raw) {
        layerNormRowGradient(stepFirst, raw, fRow, first, normRecurrent!, dnormRecurrent!, W, 0, (b * T + t) * first);
      }
      dfirst.set(stepFirst.subarray(fRow, fRow + first), (b * T + t) * first);
      if (dn) dn.set(stepN.subarray(b * H, (b + 1) * H), (b * T + t) * H);
    }
    algebra.multiply(back, stepFirst, Ufirst, B, { transposeB: true });
    for (let e = 0; e < dh.length; e++) dh[e] += (back[e] + dhm[e]) * (recurrentMask ? recurrentMask[e] : 1);
  }

  const dbias = sumRows(dx, W, algebra);
  const dU = weightGradient(algebra, previous, dfirst, B * T, H, first);
  const drecurrentKernel = dn ? joinColumns(dU, weightGradient(algebra, resetRows!, dn, B * T, H, H), H, algebra) : dU;
  const dnormInput = normInput && normaliseRowsGradient(dx, inputProduct(data, algebra, W), W, normInput, algebra);
  const input = inputGradients(data, algebra, dx, W, needInputGradient);
  const biasGradient = dbias2 ? joinRows(dbias, dbias2, algebra) : dbias;
  const dnorm = dnormRecurrent && rounded(dnormRecurrent, algebra);
  const all = [input.dx, input.dkernel, drecurrentKernel, biasGradient, dh, dnormInput, dnorm];
  return all.filter((gradient) => gradient !== undefined);
}

/** [H, 2H] and [H, H] -> [H, 3H] */
function joinColumns(left: Floats, right: Floats, H: number, algebra: Algebra): Floats {
  const out = algebra.allocate(H * 3 * H);
  for (let row = 0; row < H; row++) {
    out.set(left.subarray(row * 2 * H, (row + 1) * 2 * H), row * 3 * H);
    out.set(right.subarray(row * H, (row + 1) * H), row * 3 * H + 2 * H);
  }
  return out;
}

function joinRows(above: Floats, below: Floats, algebra: Algebra): Floats {
  const out = algebra.allocate(above.length + below.length);
  out.set(above);
  out.set(below, above.length);
  return out;
}

function readGru({ inputs, attrs, backend }: KernelCall): GruData {
  const data = readSequence(inputs, attrs, backend, 3);
  return { ...data, resetAfter: attrs.resetAfter === true, zoneoutH: attrs.zoneoutH as number };
}

export const gruKernel = forwardKernel(readGru, (data, algebra, save) => {
  const { B, T, H } = data;
  const { y, h, gates } = gruForward(data, algebra, save);
  return [
    [y, [B, T, H]],
    [h, [B, H]],
    [gates, save ? [T, B, 4 * H] : [0]],
  ];
});

export const gruGradKernel = gradientKernel(GRU_OP, readGru, gruBackward);
