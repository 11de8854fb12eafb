import type { TensorInfo } from '@tensorflow/tfjs-core';
import { NativeBackend } from '../nativeBackend.js';
import type { WasmInstance } from './wasmAddon.js';
import type { WasmMemory } from './webAssembly.js';
import { WasmTensorMemory } from './wasmMemory.js';

/** Thrown through a running kernel when the memory has grown, which has detached the kernel's views of it. */
const GROWN = new Error('the WebAssembly memory has grown');

/**
 * The native backend over a WebAssembly module: what kernels compute lies in the module's memory, where they can reach it.
 *
 * Growth detaches all views of that memory. A kernel that causes it is left, what it had put out is disposed, and it runs again
 * with enough memory; kernels write to nothing but their outputs, so that the second run gives what the first would have. The
 * memory grows in large steps and keeps what is freed: a training program grows it a few times at its start.
 */
export class WasmBackend extends NativeBackend {
  constructor(
    name: string,
    private readonly instance: WasmInstance,
  ) {
    super(name, instance.addon, new WasmTensorMemory(instance));
    instance.onGrowth = () => {
      if (this.runningKernels > 0) throw GROWN;
    };
  }

  /** The module's memory; its buffer is another one after each growth. */
  get heap(): WasmMemory {
    return this.instance.memory;
  }

  override discardingOutputs<T>(kernel: () => T): T {
    if (this.runningKernels > 0) return super.discardingOutputs(kernel);
    for (;;) {
      try {
        return super.discardingOutputs(kernel);
      } catch (error) {
        if (error !== GROWN) throw error;
      }
    }
  }

  /** Numbers that came from JavaScript move into the module's memory when a kernel first asks for them. */
  override floats(info: TensorInfo): Float32Array {
    return this.moveIntoPool(info) ?? super.floats(info);
  }
}
