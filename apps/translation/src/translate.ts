/** How many lines, and characters in them, are translated together: enough for full batches, and memory stays bounded. */
export interface ChunkLimits {
  lines: number;
  characters: number;
  /** Milliseconds without a new line after which the lines that wait are translated. */
  patience: number;
}

export const chunkLimits: ChunkLimits = { lines: 2048, characters: 400_000, patience: 200 };

/**
 * Lines in chunks, in order: as many as the limits allow or, where whoever writes them pauses, those that have come. So a file goes
 * through in full batches, and a line that is typed is translated at once. Throws the signal's reason once that is aborted, also
 * while it waits for lines.
 */
export async function* chunksOfLines(
  batches: AsyncIterable<readonly string[]>,
  limits: ChunkLimits = chunkLimits,
  signal?: AbortSignal,
): AsyncGenerator<string[], void, undefined> {
  const iterator = batches[Symbol.asyncIterator]();
  const chunk = new Chunk(limits);
  const read = (): Promise<IteratorResult<readonly string[]>> => {
    const next = iterator.next();
    next.catch(() => {}); // it is awaited later, perhaps after a chunk that was full before
    return next;
  };
  try {
    for (let coming = read(); ;) {
      const next = await within(coming, { signal, milliseconds: chunk.isEmpty ? undefined : limits.patience });
      if (next === undefined) {
        yield chunk.take();
        continue;
      }
      if (next.done) break;
      coming = read();
      for (const line of next.value) {
        chunk.add(line);
        if (chunk.isFull) yield chunk.take();
      }
    }
    if (!chunk.isEmpty) yield chunk.take();
  } finally {
    // Not awaited: a source that still waits for lines would only then return.
    void iterator.return?.().catch(() => {});
  }
}

/** What is awaited, or undefined where it takes longer. */
async function within<T>(
  promise: Promise<T>,
  { milliseconds, signal }: { milliseconds?: number; signal?: AbortSignal },
): Promise<T | undefined> {
  signal?.throwIfAborted();
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  const end = new Promise<undefined>((resolve, reject) => {
    if (milliseconds !== undefined) timer = setTimeout(resolve, milliseconds, undefined);
    stop = () => reject(signal!.reason as Error);
  });
  signal?.addEventListener('abort', stop);
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/** Lines that wait to be translated together. */
export class Chunk {
  private lines: string[] = [];
  private characters = 0;

  constructor(private readonly limits: ChunkLimits) {}

  get isEmpty(): boolean {
    return this.lines.length === 0;
  }

  get isFull(): boolean {
    return this.lines.length >= this.limits.lines || this.characters >= this.limits.characters;
  }

  add(line: string): void {
    this.lines.push(line);
    this.characters += line.length;
  }

  take(): string[] {
    const { lines } = this;
    this.lines = [];
    this.characters = 0;
    return lines;
  }
}
