import * as tf from '@tensorflow/tfjs-core';
import { cpuKernel, nativeKernel, view, type Call, type UnregisteredKernel } from './kernel.js';

function filled(call: Call, shape: number[], value: number): tf.TensorInfo {
  const { info, values } = call.backend.output(shape);
  values.fill(value);
  return info;
}

function fill(call: Call<{ shape: number[]; value: number | string; dtype?: tf.DataType }>) {
  const { shape, value, dtype } = call.attrs;
  if ((dtype ?? tf.util.inferDtype(value)) !== 'float32' || typeof value !== 'number') return cpuKernel('Fill')(call);
  return filled(call as unknown as Call, shape, value);
}

function like(name: string, value: number) {
  return (call: Call) => {
    const { x } = call.inputs;
    return x.dtype === 'float32' ? filled(call, x.shape, value) : cpuKernel(name)(call);
  };
}

/** Unlike the cpu backend's, a cast to float32 converts the numbers, so that float32 kernels find float32 memory. */
function cast(call: Call<{ dtype: tf.DataType }>) {
  const { inputs, attrs, backend } = call;
  const { x } = inputs;
  if (attrs.dtype === x.dtype && x.dtype !== 'complex64') return view(x, x.shape, backend);
  if (attrs.dtype === 'float32' && (x.dtype === 'int32' || x.dtype === 'bool')) {
    const { info, values } = backend.output(x.shape);
    if (x.dtype === 'int32') backend.addon.castIntToFloat(backend.integers(x), values);
    else values.set(backend.peekSync(x.dataId) as ArrayLike<number>);
    return info;
  }
  if (attrs.dtype === 'int32' && x.dtype === 'float32') {
    const values = new Int32Array(tf.util.sizeFromShape(x.shape));
    backend.addon.castFloatToInt(backend.floats(x), values);
    return backend.makeTensorInfo(x.shape, 'int32', values);
  }
  return cpuKernel('Cast')(call);
}

export const createKernels = (): UnregisteredKernel[] => [
  nativeKernel('Fill', fill),
  nativeKernel('ZerosLike', like('ZerosLike', 0)),
  nativeKernel('OnesLike', like('OnesLike', 1)),
  nativeKernel('Cast', cast),
];
