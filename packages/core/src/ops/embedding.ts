import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
import type { Floats } from './algebra.js';
import { runKernel } from './customOp.js';
import { makeOutput, readFloats, readIntegers, type Kernel } from './kernel.js';

/**
 * The rows of a table for ids of any shape: [V, D] and int32 [...] give [..., D]. Its gradient scatters and adds the rows of
 * dy into a table of zeros. An id outside the table is an `InputError` that names it and its position.
 */
export function embeddingLookup(table: tf.Tensor, ids: tf.Tensor): tf.Tensor {
  assertType(table, 'float32', 'table');
  assertShape(table, ['V', 'D'], 'table');
  assertType(ids, 'int32', 'ids');
  return runKernel('CadenzaEmbedding', { table, ids }, { vocabularySize: table.shape[0] })[0];
}

export const embeddingKernel: Kernel = ({ inputs, backend }) => {
  const [V, D] = inputs.table.shape;
  const table = readFloats(backend, inputs.table);
  const ids = readIntegers(backend, inputs.ids);
  const rows = new Float32Array(ids.length * D);
  for (let n = 0; n < ids.length; n++) {
    const id = checkId(ids[n], V, n);
    rows.set(table.subarray(id * D, (id + 1) * D), n * D);
  }
  return makeOutput(backend, rows, [...inputs.ids.shape, D]);
};

export const embeddingGradKernel: Kernel = ({ inputs, attrs, backend }) => {
  const V = attrs.vocabularySize as number;
  const D = inputs.dy.shape[inputs.dy.shape.length - 1];
  const dy = readFloats(backend, inputs.dy);
  const ids = readIntegers(backend, inputs.ids);
  const dtable = new Float32Array(V * D);
  for (let n = 0; n < ids.length; n++) checkId(ids[n], V, n);
  sumRowsById(dtable, dy, ids, D);
  return makeOutput(backend, dtable, [V, D]);
};

/**
 * Writes to row v of the table the sum of those of `rows` whose id is v, added in float64; a row whose id is -1 counts nowhere. The
 * table holds zeros before: [V, D], rows [N, D], ids [N] of [-1, V).
 */
export function sumRowsById(table: Floats, rows: Floats, ids: Int32Array, D: number): void {
  const { starts, order } = rowsById(ids, D === 0 ? 0 : table.length / D);
  // One id after the other needs one float64 row, not a table of them.
  const sum = new Float64Array(D);
  for (let v = 0; v + 1 < starts.length; v++) {
    const end = starts[v + 1];
    let at = starts[v];
    if (end - at === 1) table.set(rows.subarray(order[at] * D, (order[at] + 1) * D), v * D);
    if (end - at <= 1) continue;
    sum.fill(0);
    for (; at + 3 < end; at += 4) {
      addFourRows(sum, rows, order[at] * D, order[at + 1] * D, order[at + 2] * D, order[at + 3] * D, D);
    }
    for (; at < end; at++) {
      const row = order[at] * D;
      for (let d = 0; d < D; d++) sum[d] += rows[row + d];
    }
    for (let d = 0; d < D; d++) table[v * D + d] = sum[d];
  }
}

/** The positions of ids of [0, V) in `order`, those of v from starts[v] to starts[v + 1]. */
function rowsById(ids: Int32Array, V: number): { starts: Int32Array; order: Int32Array } {
  const starts = new Int32Array(V + 1);
  for (let n = 0; n < ids.length; n++) if (ids[n] >= 0) starts[ids[n] + 1]++;
  for (let v = 0; v < V; v++) starts[v + 1] += starts[v];
  const order = new Int32Array(starts[V]);
  const places = starts.slice(0, V);
  for (let n = 0; n < ids.length; n++) if (ids[n] >= 0) order[places[ids[n]]++] = n;
  return { starts, order };
}

/** Adds the four rows of D numbers that start at n0 ... n3. */
function addFourRows(sum: Float64Array, rows: Floats, n0: number, n1: number, n2: number, n3: number, D: number): void {
  for (let d = 0; d < D; d++) sum[d] += rows[n0 + d] + rows[n1 + d] + rows[n2 + d] + rows[n3 + d];
}

/** Returns the id if it is a row of the table. */
export function checkId(id: number, vocabularySize: number, position: number): number {
  if (!(id >= 0 && id < vocabularySize)) {
    throw new InputError(`Expected ids to be of [0, ${vocabularySize}), got ${id} at position ${position}`, {
      code: 'ID',
    });
  }
  return id;
}

export const embeddingGradient: tf.GradConfig = {
  kernelName: 'CadenzaEmbedding',
  inputsToSave: ['ids'],
  gradFunc: (dy, saved, attrs) => ({
    table: () => runKernel('CadenzaEmbeddingGrad', { dy: dy as tf.Tensor, ids: saved[0] }, attrs)[0],
  }),
};
