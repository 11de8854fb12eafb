import { expected, InputError } from '../errors.js';
import type { Metric } from './metric.js';

export interface AccuracyInput {
  /** [N, V] scores, row-major; only their order in a row matters. */
  logits: ArrayLike<number>;
  /** [N] the right classes; negative ones are left out. */
  labels: ArrayLike<number>;
}

export interface AccuracyValue {
  /** The fraction that was right, of [0, 1]. */
  accuracy: number;
  correct: number;
  total: number;
}

/** How often the right class is among the k with the largest scores; k = 1 is plain accuracy. Of equals the lowest id comes first. */
export class Accuracy implements Metric<AccuracyInput, AccuracyValue> {
  private correct = 0;
  private total = 0;

  constructor(private readonly k = 1) {
    if (!Number.isInteger(k) || k < 1) throw new InputError(expected('k', 'a positive integer', k));
  }

  update({ logits, labels }: AccuracyInput): void {
    if (labels.length === 0) return;
    const classes = logits.length / labels.length;
    if (!Number.isInteger(classes) || classes === 0) {
      throw new InputError(expected('logits', `a whole number of rows for ${labels.length} labels`, logits.length));
    }
    for (let row = 0; row < labels.length; row++) {
      if (labels[row] < 0) continue;
      if (labels[row] >= classes) throw new InputError(expected('label', `below ${classes}`, labels[row]));
      if (this.rank(logits, row * classes, classes, labels[row]) < this.k) this.correct++;
      this.total++;
    }
  }

  value(): AccuracyValue {
    if (this.total === 0) throw new InputError('Expected at least one label to measure, got none');
    return { accuracy: this.correct / this.total, correct: this.correct, total: this.total };
  }

  reset(): void {
    this.correct = this.total = 0;
  }

  /** How many classes come before the right one. A score that is not a number is never right. */
  private rank(logits: ArrayLike<number>, start: number, classes: number, label: number): number {
    const score = logits[start + label];
    let before = 0;
    for (let id = 0; id < classes; id++) {
      const other = logits[start + id];
      if (!(other < score || (other === score && id >= label))) before++;
    }
    return Number.isNaN(score) ? classes : before;
  }
}
