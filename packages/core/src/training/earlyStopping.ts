import { integerFrom, numberIn, refuseUnknown } from '../options.js';

export interface EarlyStoppingOptions {
  /** Stop after so many validations in a row without improvement. */
  patience: number;
  /** An improvement must be larger than this: 0 when absent. */
  minimumDelta?: number;
}

export interface EarlyStoppingState {
  best: number | null;
  waited: number;
}

/** Stops training when validation has not improved for a while (Prechelt 1998). Smaller values are better. */
export class EarlyStopping {
  private best: number | null = null;
  private waited = 0;
  private readonly patience: number;
  private readonly minimumDelta: number;

  constructor(options: EarlyStoppingOptions) {
    refuseUnknown('earlyStopping', options, ['patience', 'minimumDelta']);
    this.patience = integerFrom(1, options.patience, 'earlyStopping.patience');
    this.minimumDelta = numberIn(options.minimumDelta ?? 0, '[0,Infinity)', 'earlyStopping.minimumDelta');
  }

  /** Takes one validation's value into account; a value that is not finite is no improvement. */
  observe(value: number): void {
    if (Number.isFinite(value) && (this.best === null || value < this.best - this.minimumDelta)) {
      this.best = value;
      this.waited = 0;
    } else {
      this.waited++;
    }
  }

  get shouldStop(): boolean {
    return this.waited >= this.patience;
  }

  state(): EarlyStoppingState {
    return { best: this.best, waited: this.waited };
  }

  restore(state: EarlyStoppingState): void {
    this.best = state.best;
    this.waited = state.waited;
  }
}
