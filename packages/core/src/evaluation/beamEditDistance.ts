/** Half the width of the band around the diagonal in which Tercom looks, in words. */
const BEAM = 25;

/** More than any distance. */
const UNREACHED = 0x3fffffff;

const KEEP = 0;
const REPLACE = 1;
/** The hypothesis has a word too many. */
const REMOVE = 2;
/** The hypothesis lacks a word. */
const INSERT = 3;

/** What aligns with what on the cheapest way from a hypothesis to a reference. */
export interface EditAlignment {
  /** The place in the hypothesis beside each word of the reference; for a word it lacks the place before, -1 at the start. */
  places: Int32Array;
  /** How many of the first i words of the hypothesis are wrong; [length + 1]. */
  hypothesisErrors: Int32Array;
  /** How many of the first j words of the reference are missed; [length + 1]. */
  referenceErrors: Int32Array;
}

/**
 * The edit distance of hypotheses of one length from a reference, looked for as Tercom does: row i (after i words of the
 * hypothesis) only knows the columns (words of the reference) less than a beam's width from the diagonal. Equal costs
 * prefer keeping or replacing, then removing, then inserting. A candidate that begins like the {@link accept}ed hypothesis
 * costs only the rows after that beginning.
 */
export class BeamEditDistance {
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;
  private readonly offsets: Int32Array;
  private readonly accepted: Int32Array;
  private readonly candidate: Int32Array;
  private readonly operations: Uint8Array;

  constructor(
    private readonly reference: Int32Array,
    private readonly length: number,
  ) {
    this.starts = new Int32Array(length + 1);
    this.ends = new Int32Array(length + 1);
    this.offsets = new Int32Array(length + 2);
    this.placeBand();
    this.accepted = new Int32Array(this.offsets[length + 1]);
    this.operations = new Uint8Array(this.accepted.length).fill(INSERT);
    for (let column = 0; column <= reference.length; column++) this.accepted[column] = column;
    this.candidate = this.accepted.slice();
  }

  /** The distance of a hypothesis, from which candidates are measured from now on. */
  accept(words: Int32Array): number {
    return this.fill(this.accepted, words, 0, this.operations);
  }

  /** The distance of a hypothesis whose first `same` words are those of the accepted one. */
  distance(words: Int32Array, same: number): number {
    const { offsets } = this;
    this.candidate.set(this.accepted.subarray(offsets[same], offsets[same + 1]), offsets[same]);
    return this.fill(this.candidate, words, same);
  }

  /** How the accepted hypothesis aligns. */
  alignment(): EditAlignment {
    const places = new Int32Array(this.reference.length);
    const hypothesisErrors = new Int32Array(this.length + 1);
    const referenceErrors = new Int32Array(this.reference.length + 1);
    let row = this.length;
    let column = this.reference.length;
    while (row > 0 || column > 0) {
      const operation = this.operations[this.offsets[row] + column - this.starts[row]];
      if (operation !== REMOVE) {
        places[column - 1] = row - 1;
        if (operation !== KEEP) referenceErrors[column] = 1;
      }
      if (operation === REPLACE || operation === REMOVE) hypothesisErrors[row] = 1;
      if (operation !== REMOVE) column--;
      if (operation !== INSERT) row--;
    }
    return { places, hypothesisErrors: sumUp(hypothesisErrors), referenceErrors: sumUp(referenceErrors) };
  }

  /** Which columns each row knows: all before the first word, then a band, and in the last row up to the end. */
  private placeBand(): void {
    const columns = this.reference.length + 1;
    const slope = this.length > 0 ? this.reference.length / this.length : 1;
    // Where one word stands beside very many, the bands of two neighbouring rows must still meet.
    const beam = BEAM < slope / 2 ? Math.ceil(slope / 2 + BEAM) : BEAM;
    this.ends[0] = columns;
    this.offsets[1] = columns;
    for (let row = 1; row <= this.length; row++) {
      const diagonal = Math.floor(row * slope);
      this.starts[row] = Math.max(0, diagonal - beam);
      this.ends[row] = row === this.length ? columns : Math.min(columns, diagonal + beam);
      this.offsets[row + 1] = this.offsets[row] + this.ends[row] - this.starts[row];
    }
  }

  /** Computes the rows after `from`; costs hold it already. Returns the last cell. */
  private fill(costs: Int32Array, words: Int32Array, from: number, operations?: Uint8Array): number {
    const { starts, ends, offsets, reference } = this;
    for (let row = from + 1; row <= this.length; row++) {
      const word = words[row - 1];
      const [start, end, aboveStart, aboveEnd] = [starts[row], ends[row], starts[row - 1], ends[row - 1]];
      const here = offsets[row] - start;
      const above = offsets[row - 1] - aboveStart;
      for (let column = start; column < end; column++) {
        let cost = UNREACHED;
        let operation = REMOVE;
        if (column > aboveStart && column <= aboveEnd) {
          operation = word === reference[column - 1] ? KEEP : REPLACE;
          cost = costs[above + column - 1] + operation;
        }
        if (column >= aboveStart && column < aboveEnd && costs[above + column] + 1 < cost) {
          cost = costs[above + column] + 1;
          operation = REMOVE;
        }
        if (column > start && costs[here + column - 1] + 1 < cost) {
          cost = costs[here + column - 1] + 1;
          operation = INSERT;
        }
        costs[here + column] = cost;
        if (operations) operations[here + column] = operation;
      }
    }
    return costs[costs.length - 1];
  }
}

function sumUp(values: Int32Array): Int32Array {
  for (let index = 1; index < values.length; index++) values[index] += values[index - 1];
  return values;
}
