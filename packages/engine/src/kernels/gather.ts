import * as tf from '@tensorflow/tfjs-core';
import { cpuKernel, nativeKernel, sizeOf, type Call, type UnregisteredKernel } from './kernel.js';

/** Rows of a float32 tensor along its first axis; other axes and types as the cpu backend does them. */
function gather(call: Call<{ axis?: number; batchDims?: number }>) {
  const { inputs, attrs, backend } = call;
  const { x, indices } = inputs;
  const axis = tf.util.parseAxisParam(attrs.axis ?? 0, x.shape)[0];
  const isRows =
    axis === 0 && !attrs.batchDims && x.dtype === 'float32' && indices.dtype === 'int32' && sizeOf(x.shape) > 0;
  if (!isRows) return cpuKernel('GatherV2')(call);
  const ids = backend.integers(indices);
  const wrong = backend.addon.firstOutOfRange(ids, x.shape[0]);
  tf.util.assert(wrong < 0, () => `GatherV2: the index value ${ids[wrong]} is not in [0, ${x.shape[0] - 1}]`);
  const { info, values } = backend.output([...indices.shape, ...x.shape.slice(1)]);
  const width = sizeOf(x.shape.slice(1));
  if (values.length > 0) backend.addon.embeddingForward(x.shape[0], width, backend.floats(x), ids, values);
  return info;
}

/**
 * Sums of the rows of x with the same id; ids outside the segments count for nothing. What is not finite in a row reaches its own segment
 * only, where the cpu backend multiplies all rows by zeros and ones for each segment.
 */
function unsortedSegmentSum(call: Call<{ numSegments: number }>) {
  const { inputs, attrs, backend } = call;
  const { x, segmentIds } = inputs;
  const { numSegments } = attrs;
  const isRows = x.dtype === 'float32' && segmentIds.dtype === 'int32' && segmentIds.shape.length === 1;
  if (!isRows || numSegments === 0 || sizeOf(x.shape) === 0) return cpuKernel('UnsortedSegmentSum')(call);
  tf.util.assert(
    segmentIds.shape[0] === x.shape[0],
    () =>
      `Expected segmentIds to be of shape [${x.shape.slice(0, 1)}] for x of shape [${x.shape}], got [${segmentIds.shape}]`,
  );
  const ids = backend.integers(segmentIds);
  const shape = [numSegments, ...x.shape.slice(1)];
  const width = sizeOf(x.shape.slice(1));
  const { addon } = backend;
  if (addon.firstOutOfRange(ids, numSegments) < 0) {
    const { info, values } = backend.output(shape);
    addon.embeddingBackward(numSegments, width, ids, backend.floats(x), values);
    return info;
  }
  // Rows of no segment are summed too, behind the others.
  const sums = new Float32Array((numSegments + 1) * width);
  const known = ids.map((id) => (id >= 0 && id < numSegments ? id : numSegments));
  addon.embeddingBackward(numSegments + 1, width, known, backend.floats(x), sums);
  const { info, values } = backend.output(shape);
  values.set(sums.subarray(0, numSegments * width));
  return info;
}

export const gatherKernels = (): UnregisteredKernel[] => [
  nativeKernel('GatherV2', gather),
  nativeKernel('UnsortedSegmentSum', unsortedSegmentSum),
];
