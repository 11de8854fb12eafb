import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import type { backend_util, DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { Addon, PackedWeights } from './addon.js';
import type { Block, PoolStatistics, TensorMemory } from './bufferPool.js';

type DataId = TensorInfo['dataId'];

/** Below this many float32 numbers an array from JavaScript's own heap is faster than one from the pool. */
const POOLED_FROM = 256;

/**
 * A tensor's storage. Native kernels read it through `native`; everybody else gets a copy of what lies in the pool, because
 * TensorFlow.js lets arrays outlive their tensors (`dataSync` hands them out, the cpu backend's Slice makes a `subarray`), and
 * copying costs less than memory that can never be recycled.
 */
class NativeTensorData {
  refCount = 1;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
  /** How many numbers lie in the block. */
  private length: number;

  constructor(
    private array: backend_util.BackendValues,
    readonly dtype: DataType,
    private readonly pool: TensorMemory,
    private block: Block | null,
  ) {
    this.length = block === null ? 0 : (array as Float32Array).length;
  }

  get isPooled(): boolean {
    return this.block !== null;
  }

  /** What native kernels read. A block's memory may have moved to another buffer since the last time (WebAssembly's does). */
  get native(): backend_util.BackendValues {
    const { block } = this;
    if (block !== null && (this.array as Float32Array).buffer !== block.buffer) {
      this.array = new Float32Array(block.buffer, block.offset, this.length);
    }
    return this.array;
  }

  /** Puts float32 numbers that JavaScript has made into a block, whose view is returned. */
  moveInto(block: Block): Float32Array {
    const numbers = this.array as Float32Array;
    this.length = numbers.length;
    const view = new Float32Array(block.buffer, block.offset, this.length);
    view.set(numbers);
    this.array = view;
    this.block = block;
    return view;
  }

  get values(): backend_util.BackendValues {
    return this.block === null ? this.native : (this.native as Float32Array).slice();
  }

  set values(values: backend_util.BackendValues) {
    this.release();
    this.array = values;
  }

  /** Gives the memory back; nobody but native kernels has ever seen it. */
  release(): void {
    if (this.block !== null) {
      this.pool.give(this.block);
      this.block = null;
    }
  }
}

/**
 * The TensorFlow.js backend `native`: tensors live in ordinary memory, as in the cpu backend whose kernels it inherits, but
 * what native kernels compute lies in aligned, recycled buffers.
 */
export class NativeBackend extends MathBackendCPU {
  /** Weights packed for single steps, by the data of the recurrent kernel. */
  private readonly packed = new WeakMap<object, { key: string; kernel?: object; weights: PackedWeights }>();
  /** Right operands of matrix products, by their data: null until the second product, when they are packed. */
  private readonly matrices = new WeakMap<object, { key: string; weights: PackedWeights | null }>();
  /** What the running kernel, and those that it runs, have put out so far. */
  private readonly outputs: DataId[] = [];
  protected runningKernels = 0;
  /** Arrays that were made for calls which have yet to run. */
  private made: object[] | null = null;

  /** `name` is that under which it and its kernels are registered. */
  constructor(
    readonly name: string,
    readonly addon: Addon,
    readonly pool: TensorMemory,
  ) {
    super();
  }

  override write(values: backend_util.BackendValues, _shape: number[], dtype: DataType): DataId {
    return this.keep(new NativeTensorData(values, dtype, this.pool, null));
  }

  override move(
    dataId: DataId,
    values: backend_util.BackendValues,
    _shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    const data = new NativeTensorData(values, dtype, this.pool, null);
    data.refCount = refCount;
    this.data.set(dataId, data);
  }

  /** A new float32 tensor and its memory, whose contents are undefined until a kernel has written all of them. */
  output(shape: number[]): { info: TensorInfo; values: Float32Array } {
    let size = 1;
    for (const length of shape) size *= length;
    let block: Block | null = null;
    let values: Float32Array;
    if (size < POOLED_FROM) {
      values = new Float32Array(size);
    } else {
      block = this.pool.take(size * Float32Array.BYTES_PER_ELEMENT);
      values = new Float32Array(block.buffer, block.offset, size);
    }
    const dataId = this.keep(new NativeTensorData(values, 'float32', this.pool, block));
    if (this.runningKernels > 0) this.outputs.push(dataId);
    return { info: { dataId, shape, dtype: 'float32' }, values };
  }

  /** Runs a kernel and disposes what it put out if it fails. */
  discardingOutputs<T>(kernel: () => T): T {
    const before = this.outputs.length;
    this.runningKernels++;
    try {
      return kernel();
    } catch (error) {
      for (const dataId of this.outputs.slice(before)) this.disposeData(dataId, true);
      throw error;
    } finally {
      this.outputs.length = before;
      this.runningKernels--;
    }
  }

  /** Runs what the native calls in `gather` ask for side by side, when it has returned. */
  together(gather: () => void): void {
    const outer = this.made;
    this.made ??= [];
    try {
      this.addon.together(gather);
    } finally {
      this.made = outer;
    }
  }

  /** An array made for a native call, which may read it only later: until then nobody else holds it. */
  held<T extends object>(array: T): T {
    this.made?.push(array);
    return array;
  }

  /** The numbers of a float32 tensor, for a native kernel to read; never to be kept or handed out. */
  floats(info: TensorInfo): Float32Array {
    const { native } = this.data.get(info.dataId) as unknown as NativeTensorData;
    // A cast from int32 to float32 on the cpu backend changes the type's name only.
    return native instanceof Float32Array ? native : this.held(Float32Array.from(native as Int32Array));
  }

  /** Puts numbers of a float32 tensor that lie in JavaScript's heap into the pool; null where they do not, or are few. */
  protected moveIntoPool({ dataId }: TensorInfo): Float32Array | null {
    const data = this.data.get(dataId) as unknown as NativeTensorData;
    const { native } = data;
    if (data.isPooled || !(native instanceof Float32Array) || native.length < POOLED_FROM) return null;
    return data.moveInto(this.pool.take(native.byteLength));
  }

  /** The numbers of an int32 tensor, for a native kernel to read; never to be kept or handed out. */
  integers(info: TensorInfo): Int32Array {
    const { native } = this.data.get(info.dataId) as unknown as NativeTensorData;
    // The binding checks ids before it uses them: no other thread may change them in between.
    const isOwn = native instanceof Int32Array && native.buffer instanceof ArrayBuffer;
    return isOwn ? native : this.held(Int32Array.from(native as Float32Array));
  }

  /** The values of a tensor of any type, under the same conditions; Cadenza's kernels in JavaScript read by it too. */
  peekSync(dataId: DataId): backend_util.BackendValues {
    return (this.data.get(dataId) as unknown as NativeTensorData).native;
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.data.has(dataId)) return true;
    const data = this.data.get(dataId) as unknown as NativeTensorData;
    data.refCount--;
    if (!force && data.refCount > 0) return false;
    if (data.complexTensorInfos !== undefined) {
      this.disposeData(data.complexTensorInfos.real.dataId, true);
      this.disposeData(data.complexTensorInfos.imag.dataId, true);
    }
    data.release();
    for (const packed of [this.packed, this.matrices]) {
      const weights = packed.get(dataId)?.weights;
      if (weights) this.addon.freePacked(weights);
      packed.delete(dataId);
    }
    this.data.delete(dataId);
    return true;
  }

  /**
   * Weights packed for single steps: made once for the data of a recurrent kernel (and of the kernel, where it is packed too),
   * freed when that data is disposed.
   */
  packedWeights(
    recurrentKernel: TensorInfo,
    kernel: TensorInfo | null,
    cell: string,
    make: (recurrentKernel: Float32Array, kernel: Float32Array | null) => PackedWeights,
  ): PackedWeights {
    const key = `${cell} ${this.addon.isa()}`;
    const known = this.packed.get(recurrentKernel.dataId);
    if (known?.key === key && known.kernel === kernel?.dataId) return known.weights;
    if (known) {
      this.packed.delete(recurrentKernel.dataId);
      this.addon.freePacked(known.weights);
    }
    const weights = make(this.lastingFloats(recurrentKernel), kernel && this.lastingFloats(kernel));
    this.packed.set(recurrentKernel.dataId, { key, kernel: kernel?.dataId, weights });
    return weights;
  }

  /**
   * The right operand of a matrix product, packed: from the second product with its data on (null before), since most operands meet
   * one product only; freed when that data is disposed. A variable that is assigned to has other data, so that none is stale.
   */
  packedMatrix(b: TensorInfo, transposeB: boolean, make: (b: Float32Array) => PackedWeights): PackedWeights | null {
    const key = `${b.shape.slice(-2).join()} ${transposeB} ${this.addon.isa()}`;
    const known = this.matrices.get(b.dataId);
    if (known?.key === key && known.weights) return known.weights;
    if (known?.weights) {
      this.matrices.delete(b.dataId);
      this.addon.freePacked(known.weights);
    }
    const weights = known?.key === key ? make(this.lastingFloats(b)) : null;
    this.matrices.set(b.dataId, { key, weights });
    return weights;
  }

  /** {@link floats} that no array of the caller's shares memory with, unless they are few: what is packed must not change. */
  private lastingFloats(info: TensorInfo): Float32Array {
    return this.moveIntoPool(info) ?? this.floats(info);
  }

  poolStatistics(): PoolStatistics {
    return this.pool.statistics();
  }

  override dispose(): void {
    this.pool.trim();
  }

  private keep(data: NativeTensorData): DataId {
    const dataId = {};
    this.data.set(dataId, data as never);
    return dataId;
  }
}
