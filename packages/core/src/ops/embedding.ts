import * as tf from '@tensorflow/tfjs-core';
import { InputError } from '../errors.js';
import { assertShape, assertType } from '../shapes.js';
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
  for (let n = 0; n < ids.length; n++) {
    const row = checkId(ids[n], V, n) * D;
    for (let d = 0; d < D; d++) dtable[row + d] += dy[n * D + d];
  }
  return makeOutput(backend, dtable, [V, D]);
};

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
