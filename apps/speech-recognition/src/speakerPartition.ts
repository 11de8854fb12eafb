import { Random } from '@cadenza/core';

/** How often the grouping is tried from another order, and how often each goes over all recordings at most. */
const TRIALS = 4;
const ROUNDS = 12;

/**
 * Groups points: of several orders the partition of greatest evidence that is found by moving single points and by joining groups.
 *
 * @param spread of the groups' means, in coordinates where points differ from those by one, [D]
 * @param factor how much of the evidence counts
 * @returns the group of each point
 */
export function partitionPoints(
  points: readonly Float64Array[],
  spread: readonly number[],
  factor: number,
): Int32Array {
  let best: Int32Array = new Int32Array(points.length);
  let most = -Infinity;
  for (let trial = 0; trial < TRIALS; trial++) {
    const partition = new Partition(points, spread, factor);
    partition.improve(new Random(trial));
    const evidence = partition.evidence();
    if (evidence <= most) continue;
    [most, best] = [evidence, partition.groups()];
  }
  return best;
}

/** One group: what the evidence of it, and of it with one more, needs. */
class Group {
  count = 0;
  readonly sums: Float64Array;
  private readonly now: Evidence;
  private readonly next: Evidence;

  constructor(
    private readonly spread: readonly number[],
    private readonly factor: number,
  ) {
    this.sums = new Float64Array(spread.length);
    this.now = new Evidence(spread, factor);
    this.next = new Evidence(spread, factor);
    this.change(0, this.sums);
  }

  change(count: number, sums: Float64Array): void {
    this.count += count;
    for (let d = 0; d < sums.length; d++) this.sums[d] += count * sums[d];
    this.now.setCount(this.count);
    this.next.setCount(this.count + 1);
  }

  /** How much the evidence grows with a recording. */
  gain(point: Float64Array): number {
    return this.next.of(this.sums, point) - this.evidence();
  }

  evidence(): number {
    return this.now.of(this.sums);
  }

  /** How much it grows when two become one. */
  joinGain(other: Group): number {
    const joined = new Evidence(this.spread, this.factor);
    joined.setCount(this.count + other.count);
    return joined.of(this.sums, other.sums) - this.evidence() - other.evidence();
  }

  join(other: Group): void {
    for (let d = 0; d < this.sums.length; d++) this.sums[d] += other.sums[d];
    this.count += other.count;
    this.change(0, this.sums);
  }
}

/**
 * log p of n recordings of one speaker over log p of as many of nobody in particular, by their sum s:
 * sum over d of (s² b / (1 + n b) - log(1 + n b)) / 2.
 */
class Evidence {
  private constant = 0;
  private readonly weights: Float64Array;

  constructor(
    private readonly spread: readonly number[],
    private readonly factor: number,
  ) {
    this.weights = new Float64Array(spread.length);
  }

  setCount(recordings: number): void {
    const counted = this.factor * recordings;
    this.constant = 0;
    this.spread.forEach((spread, d) => {
      this.weights[d] = (this.factor ** 2 * spread) / (1 + counted * spread) / 2;
      this.constant -= Math.log1p(counted * spread) / 2;
    });
  }

  of(sums: Float64Array, more?: Float64Array): number {
    let sum = this.constant;
    for (let d = 0; d < sums.length; d++) {
      const value = more === undefined ? sums[d] : sums[d] + more[d];
      sum += this.weights[d] * value * value;
    }
    return sum;
  }
}

/** Points in groups. */
class Partition {
  private list: Group[] = [];
  private readonly places: (Group | undefined)[];

  constructor(
    private readonly points: readonly Float64Array[],
    private readonly spread: readonly number[],
    private readonly factor: number,
  ) {
    this.places = points.map(() => undefined);
  }

  improve(random: Random): void {
    for (let round = 0; round < ROUNDS; round++) {
      let moved = false;
      for (const index of random.shuffle(Int32Array.from(this.points.keys()))) moved = this.move(index) || moved;
      this.joinGroups();
      if (!moved) return;
    }
  }

  evidence(): number {
    return this.list.reduce((sum, group) => sum + group.evidence(), 0);
  }

  groups(): Int32Array {
    return Int32Array.from(this.places, (group) => this.list.indexOf(group!));
  }

  /** Puts a recording where it belongs most, alone if nowhere else. */
  private move(index: number): boolean {
    const point = this.points[index];
    const before = this.places[index];
    before?.change(-1, point);
    this.list = this.list.filter(({ count }) => count > 0);
    let best = new Group(this.spread, this.factor);
    let most = best.gain(point);
    const alone = best;
    for (const group of this.list) {
      const gain = group.gain(point);
      if (gain >= most) [best, most] = [group, gain];
    }
    if (best === alone) this.list.push(best);
    best.change(1, point);
    this.places[index] = best;
    return best !== before;
  }

  private joinGroups(): void {
    for (;;) {
      let best: { one: Group; other: Group } | undefined;
      let most = 0;
      for (const [index, one] of this.list.entries()) {
        for (const other of this.list.slice(index + 1)) {
          const gain = one.joinGain(other);
          if (gain > most) [best, most] = [{ one, other }, gain];
        }
      }
      if (best === undefined) return;
      const { one, other } = best;
      one.join(other);
      this.list.splice(this.list.indexOf(other), 1);
      this.places.forEach((group, index) => {
        if (group === other) this.places[index] = one;
      });
    }
  }
}
