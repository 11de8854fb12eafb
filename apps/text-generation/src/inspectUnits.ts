import type { Feature } from './inspectFeatures.js';
import type { StateTrace } from './inspectTrace.js';
import { pauses, type Pause } from './turns.js';

/** A unit whose memory follows something a reader can name. */
export interface FoundUnit {
  feature: string;
  layer: number;
  unit: number;
  /** Pearson's correlation with the feature, on text that was not used to find the unit. */
  correlation: number;
  /**
   * For a feature of yes or no, on the same text: how often the unit is higher in a place of the more common sort for it than
   * in one of the other; 0.5 is chance, 1 is always.
   */
  auc: number | null;
}

export interface RankingOptions {
  /** Units for each feature; 3 unless told. */
  perFeature?: number;
  /** The least correlation, positive or negative, worth showing; 0.25 unless told. */
  leastCorrelation?: number;
}

/** The part of the text on which units are found; the rest judges them. */
const SEARCH_PART = 0.6;
/** A feature that is rarer than this on either part cannot be judged. */
const RAREST = 20;

/**
 * Finds, for each feature, the units that correlate with it most on the first part of the text, and reports how they do on
 * the rest: the best of a thousand units on one text is partly luck, and luck does not repeat itself.
 */
export async function rankUnits(
  trace: StateTrace,
  features: readonly Feature[],
  options: RankingOptions = {},
  pause = pauses(),
): Promise<FoundUnit[]> {
  const { perFeature = 3, leastCorrelation = 0.25 } = options;
  const count = trace.positions.length;
  const cut = Math.floor(count * SEARCH_PART);
  const found: FoundUnit[] = [];
  for (const feature of features) {
    await pause();
    const values = Float32Array.from(trace.positions, (position) => feature.values[position]);
    if (!judgeable(values.subarray(0, cut), feature) || !judgeable(values.subarray(cut), feature)) continue;
    const candidates: { layer: number; unit: number; correlation: number }[] = [];
    for (const [layer, { size, values: states }] of trace.layers.entries()) {
      const each = await correlations(states, size, values.subarray(0, cut), pause);
      each.forEach((correlation, unit) => candidates.push({ layer, unit, correlation }));
    }
    candidates.sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
    for (const { layer, unit } of candidates.slice(0, perFeature)) {
      const { size, values: states } = trace.layers[layer];
      const held = Float32Array.from({ length: count - cut }, (_, index) => states[(cut + index) * size + unit]);
      const judged = values.subarray(cut);
      const [correlation] = await correlations(held, 1, judged, pause);
      if (Math.abs(correlation) < leastCorrelation) continue;
      const auc = feature.kind === 'binary' ? areaUnderCurve(held, judged) : null;
      found.push({
        feature: feature.name,
        layer,
        unit,
        correlation,
        auc: auc === null ? null : Math.max(auc, 1 - auc),
      });
    }
  }
  return found.sort((a, b) => Math.abs(b.correlation) - Math.abs(a.correlation));
}

function judgeable(values: Float32Array, { kind }: Feature): boolean {
  if (kind === 'number') return values.some((value) => value !== values[0]);
  const positive = values.reduce((sum, value) => sum + value, 0);
  return positive >= RAREST && values.length - positive >= RAREST;
}

/** States that are gone through at once, well below a millisecond. */
const PIECE_STATES = 1 << 17;

/** Pearson's correlation of each column of the first rows of states [N, size] with y, a row each; 0 where one is constant. */
export async function correlations(
  states: Float32Array,
  size: number,
  y: Float32Array,
  pause = pauses(),
): Promise<Float64Array> {
  const count = y.length;
  const meanY = y.reduce((sum, value) => sum + value, 0) / count;
  const sums = new Float64Array(size);
  await inPieces(count, size, pause, (row) => {
    for (let unit = 0; unit < size; unit++) sums[unit] += states[row * size + unit];
  });
  const products = new Float64Array(size);
  const squares = new Float64Array(size);
  let squareY = 0;
  await inPieces(count, size, pause, (row) => {
    const dy = y[row] - meanY;
    squareY += dy * dy;
    for (let unit = 0; unit < size; unit++) {
      const dx = states[row * size + unit] - sums[unit] / count;
      products[unit] += dx * dy;
      squares[unit] += dx * dx;
    }
  });
  return products.map((product, unit) => {
    const scale = Math.sqrt(squares[unit] * squareY);
    return scale > 1e-12 ? product / scale : 0;
  });
}

/** Visits the rows, with pauses in between. */
async function inPieces(rows: number, size: number, pause: Pause, visit: (row: number) => void): Promise<void> {
  const step = Math.max(1, Math.floor(PIECE_STATES / size));
  for (let start = 0; start < rows; start += step) {
    await pause();
    const end = Math.min(start + step, rows);
    for (let row = start; row < end; row++) visit(row);
  }
}

/**
 * The area under the ROC curve: how probable it is that a value where y is 1 is larger than one where y is 0, ties counting
 * half (Mann and Whitney 1947).
 */
export function areaUnderCurve(values: Float32Array, y: Float32Array): number {
  const order = Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
  let rankSum = 0;
  let positive = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    const rank = (start + end + 1) / 2; // the mean of the ranks start + 1 .. end
    for (; start < end; start++) {
      if (y[order[start]] === 0) continue;
      rankSum += rank;
      positive++;
    }
  }
  return (rankSum - (positive * (positive + 1)) / 2) / (positive * (order.length - positive));
}
