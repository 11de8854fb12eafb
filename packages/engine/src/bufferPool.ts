import { BackendError } from '@cadenza/core/browser';

/** A piece of memory that the pool made and may hand out again: `bytes` bytes of a buffer from `offset` on. */
export interface Block {
  readonly buffer: ArrayBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/** What the pool holds, in bytes, and how often it could reuse. */
export interface PoolStatistics {
  inUse: number;
  free: number;
  allocations: number;
  reuses: number;
}

/** Where tensors' memory comes from. */
export interface TensorMemory {
  /** A block of at least `bytes`, whose contents are whatever they were. */
  take(bytes: number): Block;
  /** Takes back a block that nobody can see any more. */
  give(block: Block): void;
  trim(): void;
  statistics(): PoolStatistics;
}

const ALIGNMENT = 64;

const SMALLEST_BYTES = 1024;

/** How many times larger than needed a free block may be that is handed out. */
const LARGEST_FIT = 1.25;

/**
 * Rounds a size up to one of eight steps an octave, so that at most an eighth is wasted and tensors of nearly the same
 * size share blocks. All sizes are multiples of 64, the alignment.
 */
export function blockBytes(bytes: number): number {
  if (bytes <= SMALLEST_BYTES) return SMALLEST_BYTES;
  const step = Math.max(ALIGNMENT, 2 ** (Math.floor(Math.log2(bytes - 1)) - 3));
  return Math.ceil(bytes / step) * step;
}

/**
 * Recycles the memory of disposed tensors: touching fresh pages costs more than most kernels. Where no free block has the size
 * that is needed, the smallest of those that are a little larger is taken, so that batches of many shapes, as sentences make, do
 * not each keep blocks of their own.
 *
 * Blocks lie in ordinary ArrayBuffers, which the garbage collector frees at once when it finds them (external ones would wait
 * for the event loop, so that a synchronous loop could exhaust memory). `place` tells where in a buffer the first aligned
 * byte is. Whoever takes a block gives it back only when nobody else can see its memory any more, or leaves it to the garbage
 * collector. The pool keeps at most `limit` free bytes; above that it lets all free blocks go.
 */
export class BufferPool implements TensorMemory {
  private readonly freeBlocks = new Map<number, Block[]>();
  private readonly counts: PoolStatistics = { inUse: 0, free: 0, allocations: 0, reuses: 0 };

  constructor(
    private readonly place: (buffer: ArrayBuffer) => number,
    private readonly limit: number,
  ) {}

  /** A block of at least `bytes`; its contents are whatever they were. */
  take(bytes: number): Block {
    const size = blockBytes(bytes);
    let block = this.takeFree(size);
    if (block === undefined) {
      block = this.allocateOrTrim(size);
      this.counts.allocations++;
    } else {
      this.counts.free -= block.bytes;
      this.counts.reuses++;
    }
    this.counts.inUse += block.bytes;
    return block;
  }

  private takeFree(size: number): Block | undefined {
    for (let fitting = size; fitting <= LARGEST_FIT * size; fitting = blockBytes(fitting + 1)) {
      const block = this.freeBlocks.get(fitting)?.pop();
      if (block !== undefined) return block;
    }
    return undefined;
  }

  /** Takes a block back for reuse. */
  give(block: Block): void {
    this.counts.inUse -= block.bytes;
    if (this.counts.free + block.bytes > this.limit) this.trim();
    if (block.bytes > this.limit) return;
    const blocks = this.freeBlocks.get(block.bytes);
    if (blocks === undefined) this.freeBlocks.set(block.bytes, [block]);
    else blocks.push(block);
    this.counts.free += block.bytes;
  }

  /** Lets all free blocks go. */
  trim(): void {
    this.freeBlocks.clear();
    this.counts.free = 0;
  }

  statistics(): PoolStatistics {
    return { ...this.counts };
  }

  private allocateOrTrim(bytes: number): Block {
    try {
      return this.allocate(bytes);
    } catch {
      this.trim();
    }
    try {
      return this.allocate(bytes);
    } catch (cause) {
      const megabytes = Math.ceil(bytes / 2 ** 20);
      throw new BackendError(`Expected ${megabytes} MB of memory for a tensor, got none from the system`, { cause });
    }
  }

  private allocate(bytes: number): Block {
    const buffer = new ArrayBuffer(bytes + ALIGNMENT);
    return { buffer, offset: this.place(buffer), bytes };
  }
}
