/** A pair of symbols in the queue with the count it had when it was put there. */
interface Entry {
  pair: number;
  count: number;
}

/**
 * A binary heap of symbol pairs, the most frequent first. A count that has fallen since stays until it is seen at the top,
 * where whoever takes it compares it with the present one; a count that has risen is put in once more.
 */
export class PairQueue {
  private readonly heap: Entry[] = [];

  /** @param before whether the first of two equally frequent pairs comes before the second */
  constructor(private readonly before: (pair: number, other: number) => boolean) {}

  push(pair: number, count: number): void {
    const { heap } = this;
    const entry = { pair, count };
    let place = heap.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.first(entry, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = entry;
  }

  /** Takes out the first entry, or gives undefined where none is left. */
  pop(): Entry | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return top;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.first(heap[child + 1], heap[child])) child++;
      if (!this.first(heap[child], last)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return top;
  }

  private first(one: Entry, other: Entry): boolean {
    return one.count !== other.count ? one.count > other.count : this.before(one.pair, other.pair);
  }
}
