import { InputError } from '../errors.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';
import { logSumExp } from './softmaxCrossEntropy.js';

/**
 * `CadenzaCTC`: logits [B, F, V], labels [B, L], frameLengths [B], labelLengths [B]
 * -> losses [B] and, where the attribute `gradient` is set, their gradients for the logits [B, F, V]
 *
 * Sums are kept as logarithms in float64, so that neither long recordings underflow nor near-certain ones cancel.
 */
export const ctcKernel: Kernel = ({ inputs, attrs, backend }) => {
  const [B, F, V] = inputs.logits.shape;
  const L = inputs.labels.shape[1];
  const { blank, zeroInfinity, gradient } = attrs as { blank: number; zeroInfinity: boolean; gradient: boolean };
  const logits = readFloats(backend, inputs.logits);
  const labels = readIntegers(backend, inputs.labels);
  const frameLengths = readIntegers(backend, inputs.frameLengths);
  const labelLengths = readIntegers(backend, inputs.labelLengths);
  checkCtcLabels({ labels, frameLengths, labelLengths }, { F, V, L, blank });
  const losses = new Float32Array(B);
  const dlogits = gradient ? new Float32Array(B * F * V) : null;
  for (let b = 0; b < B; b++) {
    const frames = frameLengths[b];
    const extended = extendLabels(labels.subarray(b * L, b * L + labelLengths[b]), blank); // [S]
    const start = b * F * V;
    const logY = logSoftmax(logits, start, frames, V); // [frames, V]
    const alpha = forwardSums(logY, frames, V, extended, blank); // [frames, S]
    const loss = 0 - totalOf(alpha, frames, extended.length); // which is never -0
    losses[b] = zeroInfinity && loss === Infinity ? 0 : loss;
    if (!dlogits || frames === 0) continue;
    const row = dlogits.subarray(start, start + frames * V);
    if (loss === Infinity) row.fill(zeroInfinity ? 0 : NaN);
    else addGradient(row, { logY, alpha, extended, blank, loss, frames, V });
  }
  const out = [makeOutput(backend, losses, [B])];
  return dlogits ? [...out, makeOutput(backend, dlogits, [B, F, V])] : out;
};

/** Labels [B, L] and lengths [B] of a CTC loss. */
interface CtcLabels {
  labels: Int32Array;
  frameLengths: Int32Array;
  labelLengths: Int32Array;
}

/** Refuses lengths beyond the tensors and, within them, labels that are blank or no class; every kernel of the loss says it so. */
export function checkCtcLabels(
  { labels, frameLengths, labelLengths }: CtcLabels,
  { F, V, L, blank }: { F: number; V: number; L: number; blank: number },
): void {
  frameLengths.forEach((frames, row) => {
    checkLength(frames, F, 'frameLengths', row);
    checkLength(labelLengths[row], L, 'labelLengths', row);
    labels.subarray(row * L, row * L + labelLengths[row]).forEach((label, position) => {
      if (label >= 0 && label < V && label !== blank) return;
      const got = `got ${label} at position ${position} of row ${row}`;
      throw new InputError(`Expected labels to be of [0, ${V}) and not the blank ${blank}, ${got}`, { code: 'ID' });
    });
  });
}

/** log(exp(a) + exp(b)) */
export function logAdd(a: number, b: number): number {
  if (a < b) [a, b] = [b, a];
  return b === -Infinity ? a : a + Math.log1p(Math.exp(b - a));
}

/** l': the labels with a blank before, between and after them, [2 L + 1]. */
function extendLabels(labels: Int32Array, blank: number): Int32Array {
  const extended = new Int32Array(2 * labels.length + 1).fill(blank);
  labels.forEach((label, position) => (extended[2 * position + 1] = label));
  return extended;
}

/** log y of one row's frames, [frames, V] */
function logSoftmax(logits: Float32Array, start: number, frames: number, V: number): Float64Array {
  const logY = new Float64Array(frames * V);
  for (let row = 0; row < frames * V; row += V) {
    const [greatest, logSum] = logSumExp(logits, start + row, V);
    const normalizer = greatest + logSum;
    for (let v = 0; v < V; v++) logY[row + v] = logits[start + row + v] - normalizer;
  }
  return logY;
}

/** Whether an alignment may step from l'_{s-2} to l'_s, which is over a blank between two labels that differ. */
function skips(extended: Int32Array, s: number, blank: number): boolean {
  return s >= 2 && extended[s] !== blank && extended[s] !== extended[s - 2];
}

/** log alpha, [frames, S]: equations 6 and 7. */
function forwardSums(logY: Float64Array, frames: number, V: number, extended: Int32Array, blank: number): Float64Array {
  const S = extended.length;
  const alpha = new Float64Array(frames * S).fill(-Infinity);
  for (let s = 0; s < Math.min(2, S) && frames > 0; s++) alpha[s] = logY[extended[s]];
  for (let t = 1; t < frames; t++) {
    const before = (t - 1) * S;
    // What cannot reach the end of the labels in the frames that are left counts for nothing.
    for (let s = Math.max(0, S - 2 * (frames - t)); s < Math.min(S, 2 * (t + 1)); s++) {
      let sum = alpha[before + s];
      if (s >= 1) sum = logAdd(sum, alpha[before + s - 1]);
      if (skips(extended, s, blank)) sum = logAdd(sum, alpha[before + s - 2]);
      alpha[t * S + s] = sum + logY[t * V + extended[s]];
    }
  }
  return alpha;
}

/** log p(l | x): the alignments that end in the last label or in the blank after it, equation 8. */
function totalOf(alpha: Float64Array, frames: number, S: number): number {
  if (frames === 0) return S === 1 ? 0 : -Infinity;
  const last = frames * S - 1;
  return S === 1 ? alpha[last] : logAdd(alpha[last], alpha[last - 1]);
}

interface RowSums {
  logY: Float64Array;
  alpha: Float64Array;
  extended: Int32Array;
  blank: number;
  loss: number;
  frames: number;
  V: number;
}

/** dlogits_t(k) = y_t(k) - sum_{s: l'_s = k} alpha_t(s) beta_t(s) / p(l | x), with log beta of one frame at a time. */
function addGradient(dlogits: Float32Array, { logY, alpha, extended, blank, loss, frames, V }: RowSums): void {
  const S = extended.length;
  let beta = new Float64Array(S).fill(-Infinity);
  let after = new Float64Array(S);
  const occupancy = new Float64Array(V);
  for (let s = Math.max(0, S - 2); s < S; s++) beta[s] = 0;
  for (let t = frames - 1; t >= 0; t--) {
    if (t < frames - 1) {
      [beta, after] = [after, beta];
      const row = (t + 1) * V;
      for (let s = 0; s < S; s++) {
        let sum = after[s] + logY[row + extended[s]];
        if (s + 1 < S) sum = logAdd(sum, after[s + 1] + logY[row + extended[s + 1]]);
        if (s + 2 < S && skips(extended, s + 2, blank)) sum = logAdd(sum, after[s + 2] + logY[row + extended[s + 2]]);
        beta[s] = sum;
      }
    }
    occupancy.fill(0);
    for (let s = 0; s < S; s++) occupancy[extended[s]] += Math.exp(alpha[t * S + s] + beta[s] + loss);
    for (let v = 0; v < V; v++) dlogits[t * V + v] = Math.exp(logY[t * V + v]) - occupancy[v];
  }
}

function checkLength(length: number, limit: number, name: string, row: number): void {
  if (!(length >= 0 && length <= limit)) {
    throw new InputError(`Expected ${name} to be of [0, ${limit}], got ${length} in row ${row}`, { code: 'LENGTH' });
  }
}
