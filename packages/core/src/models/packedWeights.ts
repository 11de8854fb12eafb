import type { WeightFormat } from '../decoding/stepEngine.js';
import { fromBfloat16, packMatrix, toBfloat16, transposeValues } from '../decoding/stepMatrix.js';
import { CheckpointError, InputError } from '../errors.js';
import type { StoredTensor, TensorData } from '../training/tensorData.js';

const scalesOf = (name: string): string => `${name}.scales`;

/**
 * A model's weights for a smaller file. bf16: the matrices become BF16, rounded to the nearest, ties to even. int8: a matrix
 * NAME becomes I8 and gets a tensor `NAME.scales` beside it, F32, so that NAME * NAME.scales, broadcast, is what it stands for:
 * [1, G] for a kernel [D, G], one for each output unit; [V, 1] for an embedding, one for each token. Symmetric, -127 ... 127; see
 * {@link packMatrix}. Biases and the gains of layer normalisation stay F32, as does everything in f32.
 */
export function packWeights(weights: ReadonlyMap<string, TensorData>, format: WeightFormat): Map<string, StoredTensor> {
  const packed = new Map<string, StoredTensor>();
  for (const [name, data] of weights) {
    if (format === 'f32' || !isMatrix(name, data)) {
      packed.set(name, data);
      continue;
    }
    try {
      for (const [stored, tensor] of packOne(name, data, format)) packed.set(stored, tensor);
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      throw new InputError(`${cause.message}, in ${name}`, { code: cause.code, cause });
    }
  }
  return packed;
}

/**
 * The float32 weights that packed ones stand for, from {@link packWeights} or from a file, where int8 is int32 and bf16 float32
 * since they were read. Throws a {@link CheckpointError} for scales that do not fit their matrix.
 */
export function unpackWeights(tensors: ReadonlyMap<string, StoredTensor>): Map<string, TensorData> {
  const weights = new Map<string, TensorData>();
  for (const [name, data] of tensors) {
    if (name.endsWith('.scales') && tensors.has(name.slice(0, -'.scales'.length))) continue;
    const scales = tensors.get(scalesOf(name));
    if (scales) weights.set(name, multiply(name, data, scales));
    else if (data.dtype === 'bfloat16') {
      weights.set(name, { dtype: 'float32', shape: data.shape, values: fromBfloat16(data.values) });
    } else if (data.dtype !== 'int8') weights.set(name, data);
    else throw new CheckpointError(`Expected ${scalesOf(name)} beside ${name}, got none; the file is damaged`);
  }
  return weights;
}

/** Weights as they are once packed into a format and unpacked again. Rounding what was rounded changes nothing. */
export function roundWeights(weights: ReadonlyMap<string, TensorData>, format: WeightFormat): Map<string, TensorData> {
  return unpackWeights(packWeights(weights, format));
}

/** True of what a vector is multiplied by, and of embeddings; a GRU's bias has two rows and is none. */
function isMatrix(name: string, { shape, dtype }: TensorData): boolean {
  return dtype === 'float32' && shape.length === 2 && /(^|\.)(\w*kernel|projection|\w*embedding)$/i.test(name);
}

function packOne(name: string, data: TensorData, format: 'bf16' | 'int8'): [string, StoredTensor][] {
  const { shape } = data;
  const values = data.values as Float32Array;
  if (format === 'bf16') return [[name, { dtype: 'bfloat16', shape, values: toBfloat16(values) }]];
  const [rows, columns] = shape;
  const byRow = /(^|\.)\w*embedding$/i.test(name); // its outputs, if it has any, are the tokens: its rows
  const matrix = byRow
    ? packMatrix(transposeValues(values, columns), rows, format)
    : packMatrix(values, columns, format);
  if (matrix.format !== 'int8') throw new TypeError(`Expected int8, got ${matrix.format}`);
  const quantised = byRow ? transposeValues(matrix.values, rows) : matrix.values;
  return [
    [name, { dtype: 'int8', shape, values: quantised }],
    [scalesOf(name), { dtype: 'float32', shape: byRow ? [rows, 1] : [1, columns], values: matrix.scales }],
  ];
}

function multiply(name: string, { shape, values }: StoredTensor, scales: StoredTensor): TensorData {
  const [rows, columns] = shape;
  const got = scales.shape.join(', ');
  const byRow = got === `${rows}, 1` && got !== `1, ${columns}`;
  if (shape.length !== 2 || (!byRow && got !== `1, ${columns}`)) {
    throw new CheckpointError(
      `Expected ${scalesOf(name)} to have shape [1, ${columns}] or [${rows}, 1], got [${got}]; the file is damaged`,
    );
  }
  const factor = (index: number): number => scales.values[byRow ? Math.floor(index / columns) : index % columns];
  return { dtype: 'float32', shape, values: Float32Array.from(values, (value, index) => value * factor(index)) };
}
