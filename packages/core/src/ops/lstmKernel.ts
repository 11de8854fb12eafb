import { layerNormRow, layerNormRowGradient } from './layerNorm.js';
import { LSTM_OP } from './lstm.js';
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

/** A call of the LSTM with its own sizes and rates. P is the projection's size, or H. */
export interface LstmData extends SequenceData {
  P: number;
  zoneoutH: number;
  zoneoutC: number;
}

export interface LstmForward {
  y: Floats; // [B, T, P]
  h: Floats; // [B, P]
  c: Floats; // [B, H]
  gates: Floats; // [T, B, 4H], activations i f g o
  cells: Floats; // [T, B, H], the carried c_t
}

/** The forward walk; the equations stand at `lstm`. */
export function lstmForward(data: LstmData, algebra: Algebra, saveReserve: boolean): LstmForward {
  const { B, T, H, P, floats, zoneoutH, zoneoutC } = data;
  const { recurrentMask, zoneoutMaskH, zoneoutMaskC, projection, normInput, normRecurrent, normCell } = floats;
  const W = 4 * H;
  const bias = floats.bias!;
  const z = inputProduct(data, algebra, W); // [B * T, 4H]
  normaliseRows(z, W, normInput);
  const recurrentKernel = algebra.matrix(floats.recurrentKernel!, P, W);
  const R = projection && algebra.matrix(projection, H, P);

  const y = algebra.allocate(B * T * P);
  const h = floats.h0!.slice(); // [B, P]
  const c = floats.c0!.slice(); // [B, H]
  const gates = algebra.allocate(saveReserve ? T * B * W : 0);
  const cells = algebra.allocate(saveReserve ? T * B * H : 0);
  const masked = algebra.allocate(B * P);
  const recurrent = algebra.allocate(B * W);
  const raw = algebra.allocate(B * H); // o * tanh(c'), before the projection
  const row = algebra.allocate(H);
  const projected = R ? algebra.allocate(B * P) : raw;

  for (let n = 0; n < T; n++) {
    const t = timeOf(data, n);
    algebra.multiply(recurrent, applyMask(h, recurrentMask, masked), recurrentKernel, B);
    normaliseRows(recurrent, W, normRecurrent);
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      const zRow = (b * T + t) * W;
      const rRow = b * W;
      const cRow = b * H;
      for (let j = 0; j < H; j++) {
        const i = sigmoid(z[zRow + j] + recurrent[rRow + j] + bias[j]);
        const f = sigmoid(z[zRow + H + j] + recurrent[rRow + H + j] + bias[H + j]);
        const g = Math.tanh(z[zRow + 2 * H + j] + recurrent[rRow + 2 * H + j] + bias[2 * H + j]);
        const o = sigmoid(z[zRow + 3 * H + j] + recurrent[rRow + 3 * H + j] + bias[3 * H + j]);
        const before = c[cRow + j];
        const cell = f * before + i * g;
        const keep = zoneoutMaskC ? zoneoutMaskC[(b * T + t) * H + j] : zoneoutC;
        c[cRow + j] = keep * before + (1 - keep) * cell;
        row[j] = cell;
        recurrent[rRow + 3 * H + j] = o;
        if (saveReserve) {
          const at = (t * B + b) * W + j;
          gates[at] = i;
          gates[at + H] = f;
          gates[at + 2 * H] = g;
          gates[at + 3 * H] = o;
        }
      }
      if (normCell) layerNormRow(row, 0, H, normCell);
      for (let j = 0; j < H; j++) raw[cRow + j] = recurrent[rRow + 3 * H + j] * Math.tanh(row[j]);
    }
    if (R) algebra.multiply(projected, raw, R, B);
    for (let b = 0; b < B; b++) {
      if (saveReserve) cells.set(c.subarray(b * H, (b + 1) * H), (t * B + b) * H);
      if (!isValid(data, b, t)) continue;
      for (let p = 0; p < P; p++) {
        const at = (b * T + t) * P + p;
        const keep = zoneoutMaskH ? zoneoutMaskH[at] : zoneoutH;
        y[at] = h[b * P + p] = keep * h[b * P + p] + (1 - keep) * projected[b * P + p];
      }
    }
  }
  return { y, h, c, gates, cells };
}

/** The gradients in the order of `LSTM_OP.differentiable`, those of absent inputs left out. */
export function lstmBackward(data: LstmData, algebra: Algebra, needInputGradient: boolean): Floats[] {
  const { B, T, H, P, floats, zoneoutH, zoneoutC } = data;
  const { recurrentMask, zoneoutMaskH, zoneoutMaskC, projection, normInput, normRecurrent, normCell } = floats;
  const { dy, c0, reserveGates: gates, reserveCells: cells } = floats as Record<string, Floats>;
  const W = 4 * H;
  const recurrentKernel = algebra.matrix(floats.recurrentKernel!, P, W);
  const R = projection && algebra.matrix(projection, H, P);

  const previous = previousStates(data, algebra, P, true); // [B * T, P]
  const dz = algebra.allocate(B * T * W);
  const dnormRecurrent = normRecurrent && new Float64Array(2 * W);
  const dnormCell = normCell && new Float64Array(2 * H);
  // The recurrent products, raw, whose statistics the layer norm needs again; its rows then become their gradients.
  const drecurrent = normRecurrent ? algebra.allocate(B * T * W) : dz;
  if (normRecurrent) algebra.multiply(drecurrent, previous, recurrentKernel, B * T);
  const rawRows = R && algebra.allocate(B * T * H); // o * tanh(c') of every step
  const dprojected = R && algebra.allocate(B * T * P);

  const dh = floats.dhLast!.slice(); // [B, P]
  const dc = floats.dcLast!.slice(); // [B, H]
  const step = algebra.allocate(B * W); // the gradients of this step's recurrent products
  const dnew = algebra.allocate(B * P); // of h' of this step
  const draw = R ? algebra.allocate(B * H) : dnew;
  const back = algebra.allocate(B * P);
  const [cell, dcell] = [algebra.allocate(H), algebra.allocate(H)];
  const [tanh, scratch] = [algebra.allocate(H), algebra.allocate(H)];

  for (let n = T - 1; n >= 0; n--) {
    const t = timeOf(data, n);
    for (let b = 0; b < B; b++) {
      const valid = isValid(data, b, t);
      for (let p = 0; p < P; p++) {
        const at = (b * T + t) * P + p;
        const keep = !valid ? 1 : zoneoutMaskH ? zoneoutMaskH[at] : zoneoutH;
        const total = dh[b * P + p] + (valid ? dy[at] : 0);
        dnew[b * P + p] = (1 - keep) * total;
        dh[b * P + p] = keep * total;
      }
    }
    if (R) algebra.multiply(draw, dnew, R, B, { transposeB: true });
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) {
        step.fill(0, b * W, (b + 1) * W);
        continue;
      }
      const gRow = (t * B + b) * W;
      const zRow = (b * T + t) * W;
      const first = n === 0;
      const cPrevious = first ? c0 : cells;
      const cRow = first ? b * H : (timeOf(data, n - 1) * B + b) * H;
      for (let j = 0; j < H; j++) {
        cell[j] = gates[gRow + H + j] * cPrevious[cRow + j] + gates[gRow + j] * gates[gRow + 2 * H + j];
        tanh[j] = cell[j];
      }
      if (normCell) layerNormRow(tanh, 0, H, normCell);
      for (let j = 0; j < H; j++) {
        tanh[j] = Math.tanh(tanh[j]);
        scratch[j] = draw[b * H + j] * gates[gRow + 3 * H + j] * (1 - tanh[j] * tanh[j]);
      }
      if (normCell) layerNormRowGradient(scratch, cell, 0, H, normCell, dnormCell!);
      for (let j = 0; j < H; j++) {
        const keep = zoneoutMaskC ? zoneoutMaskC[(b * T + t) * H + j] : zoneoutC;
        dcell[j] = scratch[j] + (1 - keep) * dc[b * H + j];
        dc[b * H + j] *= keep;
      }
      for (let j = 0; j < H; j++) {
        const i = gates[gRow + j];
        const f = gates[gRow + H + j];
        const g = gates[gRow + 2 * H + j];
        const o = gates[gRow + 3 * H + j];
        dz[zRow + j] = dcell[j] * g * i * (1 - i);
        dz[zRow + H + j] = dcell[j] * cPrevious[cRow + j] * f * (1 - f);
        dz[zRow + 2 * H + j] = dcell[j] * i * (1 - g * g);
        dz[zRow + 3 * H + j] = draw[b * H + j] * tanh[j] * o * (1 - o);
        dc[b * H + j] += dcell[j] * f;
      }
      if (rawRows) for (let j = 0; j < H; j++) rawRows[(b * T + t) * H + j] = gates[gRow + 3 * H + j] * tanh[j];
      if (dprojected) dprojected.set(dnew.subarray(b * P, (b + 1) * P), (b * T + t) * P);
      step.set(dz.subarray(zRow, zRow + W), b * W);
      if (normRecurrent) {
        layerNormRowGradient(step, drecurrent, b * W, W, normRecurrent, dnormRecurrent!, W, 0, zRow);
        drecurrent.set(step.subarray(b * W, (b + 1) * W), zRow);
      }
    }
    algebra.multiply(back, step, recurrentKernel, B, { transposeB: true });
    for (let e = 0; e < dh.length; e++) dh[e] += recurrentMask ? back[e] * recurrentMask[e] : back[e];
  }

  const dbias = sumRows(dz, W, algebra);
  const drecurrentKernel = weightGradient(algebra, previous, drecurrent, B * T, P, W);
  const dnormInput = normInput && normaliseRowsGradient(dz, inputProduct(data, algebra, W), W, normInput, algebra);
  const { dx, dkernel } = inputGradients(data, algebra, dz, W, needInputGradient);
  const dprojection = R && weightGradient(algebra, rawRows!, dprojected!, B * T, H, P);
  const dnorms = [dnormRecurrent, dnormCell].map((sums) => sums && rounded(sums, algebra));
  const all = [dx, dkernel, drecurrentKernel, dbias, dh, dc, dprojection, dnormInput, ...dnorms];
  return all.filter((gradient) => gradient !== undefined);
}

function readLstm({ inputs, attrs, backend }: KernelCall): LstmData {
  const data = readSequence(inputs, attrs, backend, 4);
  const P = inputs.projection ? inputs.projection.shape[1] : data.H;
  return { ...data, P, zoneoutH: attrs.zoneoutH as number, zoneoutC: attrs.zoneoutC as number };
}

export const lstmKernel = forwardKernel(readLstm, (data, algebra, save) => {
  const { B, T, H, P } = data;
  const { y, h, c, gates, cells } = lstmForward(data, algebra, save);
  return [
    [y, [B, T, P]],
    [h, [B, P]],
    [c, [B, H]],
    [gates, save ? [T, B, 4 * H] : [0]],
    [cells, save ? [T, B, H] : [0]],
    [algebra.allocate(0), [0]],
  ];
});

export const lstmGradKernel = gradientKernel(LSTM_OP, readLstm, lstmBackward);
