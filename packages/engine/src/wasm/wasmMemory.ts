import { blockBytes, type Block, type PoolStatistics, type TensorMemory } from '../bufferPool.js';
import type { WasmInstance } from './wasmAddon.js';

/** A block of a WebAssembly memory, whose buffer is another one after each growth. */
class WasmBlock implements Block {
  constructor(
    private readonly instance: WasmInstance,
    readonly offset: number,
    readonly bytes: number,
  ) {}

  get buffer(): ArrayBuffer {
    return this.instance.memory.buffer;
  }
}

/**
 * The memory of a WebAssembly module as the place of tensors: its allocator joins what is free and hands it out again. Blocks whose
 * tensors were never disposed come back when the garbage collector finds them, outside synchronous code.
 */
export class WasmTensorMemory implements TensorMemory {
  private readonly counts: PoolStatistics = { inUse: 0, free: 0, allocations: 0, reuses: 0 };
  private readonly lost = new FinalizationRegistry<[offset: number, bytes: number]>((place) => this.free(...place));

  constructor(private readonly instance: WasmInstance) {}

  take(size: number): Block {
    const bytes = blockBytes(size);
    const offset = this.instance.allocate(bytes);
    const block = new WasmBlock(this.instance, offset, bytes);
    this.lost.register(block, [offset, bytes], block);
    this.counts.inUse += bytes;
    this.counts.allocations++;
    return block;
  }

  give(block: Block): void {
    this.lost.unregister(block);
    this.free(block.offset, block.bytes);
  }

  /** Nothing: WebAssembly gives no memory back to the system. */
  trim(): void {}

  /** What tensors hold; `free` is what the memory has beside that, the kernels' own needs among it. */
  statistics(): PoolStatistics {
    return { ...this.counts, free: this.instance.memory.buffer.byteLength - this.counts.inUse };
  }

  private free(offset: number, bytes: number): void {
    this.instance.deallocate(offset);
    this.counts.inUse -= bytes;
  }
}
