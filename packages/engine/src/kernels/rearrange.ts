import * as tf from '@tensorflow/tfjs-core';
import { cpuKernel, nativeKernel, sizeOf, stridesOf, view, type Call, type UnregisteredKernel } from './kernel.js';
import { mergeAxes, MAXIMUM_RANK } from './walk.js';

function transpose(call: Call<{ perm: number[] }>) {
  const { inputs, attrs, backend } = call;
  const { x } = inputs;
  if (x.dtype !== 'float32') return cpuKernel('Transpose')(call);
  const shape = attrs.perm.map((axis) => x.shape[axis]);
  const strides = stridesOf(x.shape);
  const walk = mergeAxes(shape, [attrs.perm.map((axis) => strides[axis]), stridesOf(shape)]);
  if (walk.rank > MAXIMUM_RANK) return cpuKernel('Transpose')(call);
  const { info, values } = backend.output(shape);
  backend.addon.copyStrided(walk.numbers, backend.floats(x), 0, values.length, values, 0);
  return info;
}

function concat(call: { inputs: tf.TensorInfo[]; attrs: { axis: number }; backend: Call['backend'] }) {
  const { inputs, attrs, backend } = call;
  const axis = tf.util.parseAxisParam(attrs.axis, inputs[0].shape)[0];
  const shapes = inputs.map(({ shape }) => shape);
  tf.backend_util.assertParamsConsistent(shapes, axis);
  const shape = tf.backend_util.computeOutShape(shapes, axis);
  const given = inputs.filter((input) => sizeOf(input.shape) > 0);
  if (given.length === 0 || given.some(({ dtype }) => dtype !== 'float32')) return cpuKernel('Concat')(call);
  if (given.length === 1) return view(given[0], given[0].shape, backend);
  const { info, values } = backend.output(shape);
  const outer = sizeOf(shape.slice(0, axis));
  const row = sizeOf(shape.slice(axis));
  let offset = 0;
  for (const input of given) {
    const width = sizeOf(input.shape.slice(axis));
    const walk = mergeAxes(
      [outer, width],
      [
        [width, 1],
        [row, 1],
      ],
    ).numbers;
    backend.addon.copyStrided(walk, backend.floats(input), 0, values.length, values, offset);
    offset += width;
  }
  return info;
}

/** Always a copy: a view, as the cpu backend makes, would keep the whole tensor's memory from being recycled. */
function slice(call: Call<{ begin: number | number[]; size: number | number[] }>) {
  const { inputs, attrs, backend } = call;
  const { x } = inputs;
  if (x.dtype !== 'float32') return cpuKernel('Slice')(call);
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size);
  tf.slice_util.assertParamsValid(x as tf.Tensor, begin, size);
  const strides = stridesOf(x.shape);
  const walk = mergeAxes(size, [strides, stridesOf(size)]);
  if (walk.rank > MAXIMUM_RANK) return cpuKernel('Slice')(call);
  const { info, values } = backend.output(size);
  if (values.length === 0) return info;
  const offset = begin.reduce((sum, start, axis) => sum + start * strides[axis], 0);
  backend.addon.copyStrided(walk.numbers, backend.floats(x), offset, values.length, values, 0);
  return info;
}

/** The parts of `tf.split`, which the gradient of a concatenation takes too: a copy of each. */
function splitV(call: Call<{ numOrSizeSplits: number | number[]; axis: number }>) {
  const { inputs, attrs, backend } = call;
  const { x } = inputs;
  if (x.dtype !== 'float32') return cpuKernel('SplitV')(call);
  const axis = tf.util.parseAxisParam(attrs.axis, x.shape)[0];
  const sizes = tf.backend_util.prepareSplitSize(x as tf.Tensor, attrs.numOrSizeSplits, axis);
  const begin = x.shape.map(() => 0);
  return sizes.map((length) => {
    const size = x.shape.map((whole, dimension) => (dimension === axis ? length : whole));
    const part = slice({ inputs: { x }, attrs: { begin: [...begin], size }, backend });
    begin[axis] += length;
    return part;
  });
}

/** The slices of `tf.unstack`: a copy of each. */
function unpack(call: Call<{ axis: number }>) {
  const { inputs, attrs, backend } = call;
  const { value } = inputs as unknown as { value: tf.TensorInfo };
  if (value.dtype !== 'float32') return cpuKernel('Unpack')(call);
  const axis = attrs.axis < 0 ? attrs.axis + value.shape.length : attrs.axis;
  const kept = value.shape.filter((_, dimension) => dimension !== axis);
  return Array.from({ length: value.shape[axis] }, (_, index) => {
    const begin = value.shape.map((_size, dimension) => (dimension === axis ? index : 0));
    const size = value.shape.map((whole, dimension) => (dimension === axis ? 1 : whole));
    return { ...slice({ inputs: { x: value }, attrs: { begin, size }, backend }), shape: kept };
  });
}

export const rearrangeKernels = (): UnregisteredKernel[] => [
  nativeKernel('Transpose', transpose),
  nativeKernel('Concat', concat as never),
  nativeKernel('Slice', slice),
  nativeKernel('SplitV', splitV),
  nativeKernel('Unpack', unpack),
];
