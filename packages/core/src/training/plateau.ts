import { integerFrom, numberIn } from '../options.js';

export interface PlateauOptions {
  /** Multiplies the rate at each reduction: 0.1 when absent. */
  factor?: number;
  /** Validations without improvement to wait for: 10 when absent. */
  patience?: number;
  /** An improvement is a value below best * (1 - threshold): 1e-4 when absent. */
  threshold?: number;
  /** Validations after a reduction that do not count: 0 when absent. */
  cooldown?: number;
  /** The rate never falls below: 0 when absent. */
  minimum?: number;
}

export interface PlateauState {
  reductions: number;
  best: number | null;
  waited: number;
  cooling: number;
}

/** Lowers the rate when validation stops improving; the same rule as PyTorch's ReduceLROnPlateau with its defaults. */
export class Plateau {
  private reductions = 0;
  private best: number | null = null;
  private waited = 0;
  private cooling = 0;
  private readonly multiplier: number;
  private readonly patience: number;
  private readonly threshold: number;
  private readonly cooldown: number;
  private readonly minimum: number;

  constructor(options: PlateauOptions) {
    this.multiplier = numberIn(options.factor ?? 0.1, '(0,1)', 'schedule.factor');
    this.patience = integerFrom(0, options.patience ?? 10, 'schedule.patience');
    this.threshold = numberIn(options.threshold ?? 1e-4, '[0,1)', 'schedule.threshold');
    this.cooldown = integerFrom(0, options.cooldown ?? 0, 'schedule.cooldown');
    this.minimum = numberIn(options.minimum ?? 0, '[0,Infinity)', 'schedule.minimum');
  }

  /** The part of `learningRate` that is left. */
  factor(learningRate: number): number {
    return Math.max(this.multiplier ** this.reductions, Math.min(1, this.minimum / learningRate));
  }

  /** Takes one validation's value into account; a value that is not finite is no improvement. */
  observe(value: number): void {
    // |best| keeps the threshold a step downwards for negative values too.
    const goal = this.best === null ? Infinity : this.best - this.threshold * Math.abs(this.best);
    if (Number.isFinite(value) && value < goal) {
      this.best = value;
      this.waited = 0;
    } else {
      this.waited++;
    }
    if (this.cooling > 0) {
      this.cooling--;
      this.waited = 0;
    }
    if (this.waited > this.patience) {
      this.reductions++;
      this.cooling = this.cooldown;
      this.waited = 0;
    }
  }

  state(): PlateauState {
    return { reductions: this.reductions, best: this.best, waited: this.waited, cooling: this.cooling };
  }

  restore(state: PlateauState): void {
    this.reductions = state.reductions;
    this.best = state.best;
    this.waited = state.waited;
    this.cooling = state.cooling;
  }
}
