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

/** Sums of the rows of x with the same id; ids outside the segments count for nothing. */
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
  if (backend.addon.firstOutOfRange(ids, numSegments) >= 0) return cpuKernel('UnsortedSegmentSum')(call);
  const { info, values } = backend.output([numSegments, ...x.shape.slice(1)]);
  backend.addon.embeddingBackward(numSegments, sizeOf(x.shape.slice(1)), ids, backend.floats(x), values);
  return info;
}

export const gatherKernels = (): UnregisteredKernel[] => [
  nativeKernel('GatherV2', gather),
  nativeKernel('UnsortedSegmentSum', unsortedSegmentSum),
];
