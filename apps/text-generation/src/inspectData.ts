import type { Inspection } from './inspect.js';
import type { FoundUnit } from './inspectUnits.js';

/** One quantity of a layer's units over the text, as the page carries it. */
export interface PackedQuantity {
  name: string;
  /** Base64 of one byte a value, unit after unit: of [0, 255] for gates, of [-127, 127] for the signed ones. */
  data: string;
  /** By unit, what 127 stands for; null where it is 1 (and 255 is 1 for gates). */
  scales: number[] | null;
}

export interface PackedLayer {
  /** How many units the layer has. */
  size: number;
  /** Which of them are here, in rising order. */
  units: number[];
  quantities: PackedQuantity[];
}

/** The gates, which are of [0, 1]; all else is signed. */
export const GATES = new Set(['i', 'f', 'o', 'z', 'r']);

/**
 * A page's share of what the units did: all of them where they fit into so many bytes of base64, otherwise the ones that
 * were found interpretable and, of the others, those whose memory moves most.
 */
export function packLayers(inspection: Inspection, maximumBytes: number): PackedLayer[] {
  const steps = inspection.tokens.length;
  const quantities = Math.max(...inspection.layers.map((layer) => layer.quantities.size));
  const affordable = Math.floor(maximumBytes / ((steps * quantities * 4) / 3 + 8 * quantities));
  const chosen = chooseUnits(inspection, Math.max(1, affordable));
  return inspection.layers.map(({ size, quantities: values }, layer) => {
    const units = chosen[layer];
    const packed = Array.from(values, ([name, all]) => pack(name, all, size, units, steps));
    return { size, units, quantities: packed };
  });
}

function chooseUnits({ layers, units: found, memory }: Inspection, affordable: number): number[][] {
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  if (total <= affordable) return layers.map(({ size }) => Array.from({ length: size }, (_, unit) => unit));
  const ranked = layers.flatMap(({ size, quantities }, layer) => {
    const movement = deviations(quantities.get(memory)!, size);
    return Array.from(movement, (amount, unit) => ({
      layer,
      unit,
      amount: isFound(found, layer, unit) ? Infinity : amount,
    }));
  });
  ranked.sort((a, b) => b.amount - a.amount);
  const kept = ranked.slice(0, affordable);
  return layers.map((_, layer) =>
    kept
      .filter((one) => one.layer === layer)
      .map(({ unit }) => unit)
      .sort((a, b) => a - b),
  );
}

function isFound(found: readonly FoundUnit[], layer: number, unit: number): boolean {
  return found.some((one) => one.layer === layer && one.unit === unit);
}

/** The standard deviation of each column of values [T, size]. */
function deviations(values: Float32Array, size: number): Float64Array {
  const count = values.length / size;
  const sums = new Float64Array(size);
  const squares = new Float64Array(size);
  values.forEach((value, index) => {
    sums[index % size] += value;
    squares[index % size] += value * value;
  });
  return sums.map((sum, unit) => Math.sqrt(Math.max(0, squares[unit] / count - (sum / count) ** 2)));
}

function pack(
  name: string,
  values: Float32Array,
  size: number,
  units: readonly number[],
  steps: number,
): PackedQuantity {
  const bytes = new Uint8Array(units.length * steps);
  const gate = GATES.has(name);
  const scales = units.map((unit, place) => {
    let scale = 0;
    for (let step = 0; step < steps; step++) scale = Math.max(scale, Math.abs(values[step * size + unit]));
    if (gate || name === 'g' || name === 'n' || name === 'h') scale = 1; // bounded by themselves
    for (let step = 0; step < steps; step++) {
      const value = values[step * size + unit];
      const limited = Math.max(gate ? 0 : -1, Math.min(1, scale === 0 ? 0 : value / scale));
      bytes[place * steps + step] = Math.round(limited * (gate ? 255 : 127)) & 255;
    }
    return Number(scale.toPrecision(4));
  });
  return { name, data: Buffer.from(bytes).toString('base64'), scales: name === 'c' ? scales : null };
}
