import { TrainingError } from '../errors.js';
import { integerFrom, refuseUnknown } from '../options.js';

export interface GuardOptions {
  /** Stop with a TrainingError after so many non-finite steps in a row: 5 when absent. */
  limit?: number;
}

export interface GuardState {
  inARow: number;
  total: number;
}

/** Watches for losses and gradients that are NaN or infinite: such a step is skipped, and too many in a row end training. */
export class NonFiniteGuard {
  private inARow = 0;
  private total = 0;
  private readonly limit: number;

  constructor(options: GuardOptions = {}) {
    refuseUnknown('guard', options, ['limit']);
    this.limit = integerFrom(1, options.limit ?? 5, 'guard.limit');
  }

  /** Steps skipped in the whole run. */
  get skipped(): number {
    return this.total;
  }

  /** True when the step may update the weights. */
  allows(step: number, loss: number, gradientNorm: number): boolean {
    if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
      this.inARow = 0;
      return true;
    }
    this.inARow++;
    this.total++;
    if (this.inARow >= this.limit) {
      const what = Number.isFinite(loss) ? `gradient norm ${gradientNorm}` : `loss ${loss}`;
      const steps = this.inARow === 1 ? `step ${step}` : `steps ${step - this.inARow + 1} to ${step}`;
      throw new TrainingError(
        `Expected a finite loss and gradient, got ${what} at step ${step} (${steps} all failed); ` +
          'a lower learning rate or clipping by norm may help',
        { code: 'NON_FINITE' },
      );
    }
    return false;
  }

  state(): GuardState {
    return { inARow: this.inARow, total: this.total };
  }

  restore(state: GuardState): void {
    this.inARow = state.inARow;
    this.total = state.total;
  }
}
