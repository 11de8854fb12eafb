import { logAdd } from '../../ops/ctcKernel.js';
import type { SymbolSpan } from './frameScores.js';

/** The last symbol of an alignment with its frames, and those before it: many hypotheses share a beginning. */
export interface SpanLink {
  start: number;
  end: number;
  /** The sum over its frames of p(symbol | frame). */
  confidence: number;
  previous: SpanLink | null;
}

/**
 * One ending of the alignments of a prefix, in a blank or in its last symbol: the sum of them all, and the most probable one
 * with its frames. Probabilities are logarithms.
 */
export class Ending {
  sum = -Infinity;
  best = -Infinity;
  spans: SpanLink | null = null;

  /** Adds the alignments of another ending, each longer by a frame of this score. Whether its best is the best here now. */
  add(from: Ending, score: number): boolean {
    this.sum = logAdd(this.sum, from.sum + score);
    if (!(from.best + score > this.best)) return false;
    this.best = from.best + score;
    return true;
  }

  clear(): void {
    this.sum = -Infinity;
    this.best = -Infinity;
    this.spans = null;
  }
}

/** A node of the trie of prefixes: some symbols, with the probability of all alignments that give them so far. */
export class Prefix {
  children: Map<number, Prefix> | null = null;
  /** Of the frames so far. */
  blank = new Ending();
  label = new Ending();
  /** Of those and the frame that is being read. */
  nextBlank = new Ending();
  nextLabel = new Ending();
  /** Whether the best alignment of `nextLabel` goes on with the symbol, which `nextLabel.spans` does not hold yet. */
  repeats = false;
  inBeam = false;
  /** Whether the frame that is being read has reached it. */
  reached = false;
  /** What the hypothesis is ranked by. */
  total = -Infinity;

  constructor(
    readonly parent: Prefix | null,
    readonly symbol: number,
    /** The sum of what the scorer gave to the symbols. */
    readonly language: number,
    readonly state: unknown,
  ) {}

  /** log p(prefix | frames so far) */
  get acoustic(): number {
    return logAdd(this.blank.sum, this.label.sum);
  }

  /** Finds what it is worth after the frame that is being read. */
  rank(): void {
    this.total = logAdd(this.nextBlank.sum, this.nextLabel.sum) + this.language;
  }

  /** Makes the frame that has been read the past; `probability` is that of the symbol in it. */
  commit(frame: number, probability: number): void {
    if (this.nextLabel.sum > -Infinity) {
      const { spans } = this.nextLabel;
      this.nextLabel.spans =
        this.repeats && spans
          ? { ...spans, end: frame + 1, confidence: spans.confidence + probability }
          : { start: frame, end: frame + 1, confidence: probability, previous: spans };
    }
    [this.blank, this.nextBlank] = [this.nextBlank, this.blank];
    [this.label, this.nextLabel] = [this.nextLabel, this.label];
    this.nextBlank.clear();
    this.nextLabel.clear();
    this.reached = false;
    this.inBeam = true;
  }

  /** Leaves the beam with all its alignments. */
  drop(): void {
    for (const ending of [this.blank, this.label, this.nextBlank, this.nextLabel]) ending.clear();
    this.reached = false;
    this.inBeam = false;
  }
}

/** Forgets the part of the trie around a prefix outside the beam from which no other prefix of the beam comes. */
export function releasePrefix(prefix: Prefix): void {
  for (const [symbol, child] of prefix.children ?? []) {
    if (!child.inBeam && !child.children?.size) prefix.children!.delete(symbol);
  }
  for (let node = prefix; node.parent; node = node.parent) {
    // A parent in the beam keeps what it knows of its children: their scores are asked for again in each frame.
    if (node.inBeam || node.children?.size || node.parent.inBeam) return;
    node.parent.children!.delete(node.symbol);
  }
}

/** The symbols of the most probable alignment of a prefix. */
export function spansOfPrefix(prefix: Prefix): SymbolSpan[] {
  const spans: SymbolSpan[] = [];
  let link = prefix.label.best > prefix.blank.best ? prefix.label.spans : prefix.blank.spans;
  for (let node = prefix; node.parent && link; node = node.parent, link = link.previous) {
    const { start, end, confidence } = link;
    spans.push({ symbol: node.symbol, start, end, confidence: Math.min(1, confidence / (end - start)) });
  }
  return spans.reverse();
}
