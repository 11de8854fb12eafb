import { layerNormRow, layerNormRowGradient } from './layerNorm.js';
import { RNN_OP } from './rnn.js';
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
  sumRows,
  timeOf,
  weightGradient,
  type Algebra,
  type Floats,
  type KernelCall,
  type SequenceData,
} from './sequenceKernel.js';

export interface RnnData extends SequenceData {
  relu: boolean;
  zoneoutH: number;
}

export interface RnnForward {
  y: Floats; // [B, T, H]
  h: Floats; // [B, H]
  reserve: Floats; // [T, B, H]: h' of every step, before zoneout
}

/** The forward walk; the equations stand at `simpleRnn`. */
export function rnnForward(data: RnnData, algebra: Algebra, saveReserve: boolean): RnnForward {
  const { B, T, H, relu, zoneoutH, floats } = data;
  const { recurrentMask, zoneoutMaskH, normInput, normRecurrent } = floats;
  const bias = floats.bias!;
  const x = inputProduct(data, algebra, H); // [B * T, H]
  normaliseRows(x, H, normInput);
  const U = algebra.matrix(floats.recurrentKernel!, H, H);
  const y = algebra.allocate(B * T * H);
  const h = floats.h0!.slice();
  const reserve = algebra.allocate(saveReserve ? T * B * H : 0);
  const masked = algebra.allocate(B * H);
  const recurrent = algebra.allocate(B * H);

  for (let n = 0; n < T; n++) {
    const t = timeOf(data, n);
    algebra.multiply(recurrent, applyMask(h, recurrentMask, masked), U, B);
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      if (normRecurrent) layerNormRow(recurrent, b * H, H, normRecurrent);
      for (let j = 0; j < H; j++) {
        const at = (b * T + t) * H + j;
        const z = x[at] + recurrent[b * H + j] + bias[j];
        const next = relu ? Math.max(z, 0) : Math.tanh(z);
        const keep = zoneoutMaskH ? zoneoutMaskH[at] : zoneoutH;
        y[at] = h[b * H + j] = keep * h[b * H + j] + (1 - keep) * next;
        if (saveReserve) reserve[(t * B + b) * H + j] = next;
      }
    }
  }
  return { y, h, reserve };
}

/** The gradients in the order of `RNN_OP.differentiable`, those of absent inputs left out. */
export function rnnBackward(data: RnnData, algebra: Algebra, needInputGradient: boolean): Floats[] {
  const { B, T, H, relu, zoneoutH, floats } = data;
  const { recurrentMask, zoneoutMaskH, normInput, normRecurrent } = floats;
  const { dy, reserve } = floats as Record<string, Floats>;
  const U = algebra.matrix(floats.recurrentKernel!, H, H);
  const previous = previousStates(data, algebra, H, true); // [B * T, H]
  const dz = algebra.allocate(B * T * H);
  const dnormRecurrent = normRecurrent && new Float64Array(2 * H);
  // The raw recurrent products, which then become their gradients.
  const drecurrent = normRecurrent ? algebra.allocate(B * T * H) : dz;
  if (normRecurrent) algebra.multiply(drecurrent, previous, U, B * T);
  const dh = floats.dhLast!.slice();
  const step = algebra.allocate(B * H);
  const back = algebra.allocate(B * H);

  for (let n = T - 1; n >= 0; n--) {
    const t = timeOf(data, n);
    step.fill(0);
    for (let b = 0; b < B; b++) {
      if (!isValid(data, b, t)) continue;
      const row = (b * T + t) * H;
      for (let j = 0; j < H; j++) {
        const keep = zoneoutMaskH ? zoneoutMaskH[row + j] : zoneoutH;
        const next = reserve[(t * B + b) * H + j];
        const total = dh[b * H + j] + dy[row + j];
        const slope = relu ? (next > 0 ? 1 : 0) : 1 - next * next;
        dz[row + j] = step[b * H + j] = (1 - keep) * total * slope;
        dh[b * H + j] = keep * total;
      }
      if (normRecurrent) {
        layerNormRowGradient(step, drecurrent, b * H, H, normRecurrent, dnormRecurrent!, H, 0, row);
        drecurrent.set(step.subarray(b * H, (b + 1) * H), row);
      }
    }
    algebra.multiply(back, step, U, B, { transposeB: true });
    for (let e = 0; e < dh.length; e++) dh[e] += recurrentMask ? back[e] * recurrentMask[e] : back[e];
  }

  const dbias = sumRows(dz, H, algebra);
  const drecurrentKernel = weightGradient(algebra, previous, drecurrent, B * T, H, H);
  const dnormInput = normInput && normaliseRowsGradient(dz, inputProduct(data, algebra, H), H, normInput, algebra);
  const { dx, dkernel } = inputGradients(data, algebra, dz, H, needInputGradient);
  const dnorm = dnormRecurrent && rounded(dnormRecurrent, algebra);
  const all = [dx, dkernel, drecurrentKernel, dbias, dh, dnormInput, dnorm];
  return all.filter((gradient) => gradient !== undefined);
}

function readRnn({ inputs, attrs, backend }: KernelCall): RnnData {
  const data = readSequence(inputs, attrs, backend, 1);
  return { ...data, relu: attrs.activation === 'relu', zoneoutH: attrs.zoneoutH as number };
}

export const rnnKernel = forwardKernel(readRnn, (data, algebra, save) => {
  const { B, T, H } = data;
  const { y, h, reserve } = rnnForward(data, algebra, save);
  return [
    [y, [B, T, H]],
    [h, [B, H]],
    [reserve, save ? [T, B, H] : [0]],
  ];
});

export const rnnGradKernel = gradientKernel(RNN_OP, readRnn, rnnBackward);
